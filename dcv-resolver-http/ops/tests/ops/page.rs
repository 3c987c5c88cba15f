//! The page of the operators, and who gets its data.

use axum::Router;
use dcv_resolver_authorize::{AccessRequest, AuthError, Authorize, Principal, Scope};
use dcv_resolver_core::async_trait;
use dcv_resolver_ops::{Metrics, OpsBuilder, RecentDecisions};
use dcv_resolver_test_support::log::Log;
use serde_json::json;
use tracing::Level;

use crate::endpoints::{ask, ask_from, explainer, readiness};

const DATA: [&str; 3] = ["/decisions", "/sessions", "/explain?sessionId=console"];

fn builder() -> OpsBuilder {
    OpsBuilder::new(explainer(), readiness()).page(RecentDecisions::new())
}

#[tokio::test]
async fn page_is_served_with_a_strict_policy() {
    let app = builder().build();
    for (path, content_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
        ("/icon.svg", "image/svg+xml; charset=utf-8"),
        ("/page.js", "text/javascript; charset=utf-8"),
        ("/text.js", "text/javascript; charset=utf-8"),
    ] {
        // Without data, so that a page that needs a token can ask for it.
        let answer = ask_from(&app, Some("192.0.2.7:5"), "GET", path, &[]).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.headers["content-type"], content_type);
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        let directives: Vec<_> = policy.split("; ").collect();
        for directive in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(directives.contains(&directive), "{policy}");
        }
        assert!(
            !policy.contains("unsafe") && !policy.contains("data:"),
            "{policy}"
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.headers[name], value, "{path}");
        }
    }
}

/// The browser enforces this as well; see the browser tests.
#[tokio::test]
async fn page_names_no_other_origin_and_writes_no_markup() {
    let app = builder().build();
    let mut paths = vec![
        "/".to_owned(),
        "/page.css".to_owned(),
        "/page.js".to_owned(),
    ];
    let mut read = 0;
    while let Some(path) = paths.get(read).cloned() {
        read += 1;
        let body = ask(&app, "GET", &path).await.body;
        for word in [
            "https:",
            "//cdn",
            "innerHTML",
            "outerHTML",
            "insertAdjacent",
            "eval(",
            "<style",
            "localStorage",
            "sessionStorage",
            "cookie",
        ] {
            assert!(!body.contains(word), "{path} contains {word}");
        }
        // The modules that it imports.
        for module in body.split("from \".").skip(1) {
            let module = module.split('"').next().unwrap().to_owned();
            if !paths.contains(&module) {
                paths.push(module);
            }
        }
    }
    assert_eq!(read, 13, "{paths:?}");
}

/// It may be at any address, and behind a proxy.
#[tokio::test]
async fn page_names_no_port() {
    let app = builder().build();
    let page = ask(&app, "GET", "/").await.body;
    assert!(page.contains("/explain?sessionId=") && !page.contains(":9001"));
}

#[tokio::test]
async fn unknown_path_is_answered_with_the_paths_that_are_served() {
    let all = "/livez, /readyz, /explain, /metrics, /, /decisions, /sessions";
    let with_page = builder().metrics(Metrics::new()).build();
    let without = OpsBuilder::new(explainer(), readiness()).build();
    for (app, paths) in [(with_page, all), (without, "/livez, /readyz, /explain")] {
        let answer = ask(&app, "GET", "/elsewhere").await;
        assert_eq!(
            answer.problem(404, "no_such_path")["detail"],
            format!("there is nothing at this path; the paths are {paths}")
        );
    }
}

#[tokio::test]
async fn page_is_opt_in() {
    let app = OpsBuilder::new(explainer(), readiness()).build();
    for path in ["/", "/page.js", "/decisions", "/sessions"] {
        ask(&app, "GET", path).await.problem(404, "no_such_path");
    }
}

#[tokio::test]
async fn head_and_other_methods_are_answered_as_those_of_other_pages() {
    let app = builder().build();
    for path in ["/", "/page.js", "/decisions", "/sessions"] {
        let head = ask(&app, "HEAD", path).await;
        assert_eq!((head.status, &*head.body), (200, ""), "{path}");
        let answer = ask(&app, "POST", path).await;
        answer.problem(405, "method_not_allowed");
        assert_eq!(answer.headers["allow"], "GET,HEAD");
    }
}

/// The rules are those of `LoopbackOnly`, which tests of its own cover in full.
#[tokio::test]
async fn data_is_guarded_as_explanations_are() {
    let app = builder().build();
    let host = ("host", "localhost:9001");
    for path in DATA {
        let status = async |peer, headers: &[_]| {
            let answer = ask_from(&app, peer, "GET", path, headers).await;
            if answer.status != 200 {
                answer.problem(403, "forbidden");
            }
            answer.status
        };
        let local = Some("127.0.0.1:5");
        assert_eq!(status(local, &[]).await, 200, "{path}");
        assert_eq!(
            status(local, &[host, ("sec-fetch-site", "same-origin")]).await,
            200
        );
        for (peer, headers) in [
            (Some("192.0.2.7:5"), &[][..]),
            (None, &[]),
            (local, &[("x-forwarded-for", "127.0.0.1")]),
            (local, &[("host", "attacker.example")]),
            (local, &[host, ("sec-fetch-site", "cross-site")]),
            (local, &[host, ("sec-fetch-site", "same-site")]),
            (local, &[host, ("origin", "https://attacker.example")]),
            (local, &[host, ("origin", "null")]),
        ] {
            assert_eq!(
                status(peer, headers).await,
                403,
                "{path} {peer:?} {headers:?}"
            );
        }
    }
}

#[derive(Debug)]
struct Tokens;

#[async_trait]
impl Authorize for Tokens {
    async fn authorize(&self, request: &AccessRequest<'_>) -> Result<Principal, AuthError> {
        match request.headers.get("authorization").map(|it| it.as_bytes()) {
            Some(b"Bearer tr0ub4dor-all") => Ok(Principal::new("ann")),
            Some(b"Bearer tr0ub4dor-one") => {
                Ok(Principal::new("ws-17").with_scope(Scope::default().with_ids("ws-17-*")))
            }
            Some(b"Bearer tr0ub4dor-hangs") => std::future::pending().await,
            Some(b"Bearer tr0ub4dor-panics") => panic!("the test says so"),
            _ => Err(AuthError::bearer("send a token")),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn other_authorization_guards_the_data_too() {
    let app: Router = builder().authorize(Tokens).build();
    for path in DATA {
        let ask = async |token: &str| {
            let header = format!("Bearer {token}");
            ask_from(
                &app,
                Some("127.0.0.1:5"),
                "GET",
                path,
                &[("authorization", &header)],
            )
            .await
        };
        assert_eq!(ask("tr0ub4dor-all").await.status, 200, "{path}");
        let answer = ask("tr0ub4dor-other").await;
        answer.problem(401, "unauthorized");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        // Limited to some sessions, and these are all.
        ask("tr0ub4dor-one").await.problem(403, "forbidden");
        ask("tr0ub4dor-hangs").await.problem(503, "timeout");
        ask("tr0ub4dor-panics").await.problem(500, "internal_error");
    }
}

#[tokio::test(start_paused = true)]
async fn refused_requests_are_logged_once_in_ten_seconds() {
    let app: Router = builder().authorize(Tokens).build();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    for _ in 0..5 {
        let answer = ask_from(&app, Some("192.0.2.7:5"), "GET", "/decisions", &[]).await;
        assert_eq!(answer.status, 401);
    }
    let events = log.take();
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!(events[0]["target"], "dcv_resolver::operators");
    let mut fields = events[0]["fields"].clone();
    for varies in ["elapsed_us", "request_id"] {
        fields.as_object_mut().unwrap().remove(varies).unwrap();
    }
    assert_eq!(
        fields,
        json!({
            "path": "/decisions", "outcome": "refused", "reason": "unauthorized",
            "caller": "192.0.2.7", "status": 401,
        })
    );
    // Those to another path are counted apart.
    ask_from(&app, Some("192.0.2.7:5"), "GET", "/sessions", &[]).await;
    assert_eq!(log.take()[0]["fields"]["path"], "/sessions");
    tokio::time::sleep(std::time::Duration::from_secs(11)).await;
    let [summary] = &log.take()[..] else {
        panic!("only one path was requested again");
    };
    assert_eq!(summary["target"], "dcv_resolver::operators");
    assert_eq!(summary["fields"]["path"], "/decisions");
    assert_eq!(summary["fields"]["suppressed"], 4);
}

#[tokio::test]
async fn decisions_and_sessions_are_not_logged() {
    let (log, _guard) = Log::of_this_thread(Level::DEBUG);
    let app = builder().build();
    for path in ["/decisions", "/sessions"] {
        assert_eq!(ask(&app, "GET", path).await.status, 200);
    }
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn data_is_not_sniffed_and_has_a_request_id() {
    let app = builder().build();
    for path in DATA {
        let headers = &[("x-request-id", "abc")];
        let answer = ask_from(&app, Some("127.0.0.1:5"), "GET", path, headers).await;
        assert_eq!(answer.headers["x-request-id"], "abc");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        answer.json();
    }
}
