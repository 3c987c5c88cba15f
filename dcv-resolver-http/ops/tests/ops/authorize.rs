//! Who may ask for an explanation.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap, HeaderValue};
use dcv_resolver_authorize::{Access, AccessRequest, AuthError, Authorize, Principal};
use dcv_resolver_core::async_trait;
use dcv_resolver_ops::{LoopbackOnly, Metrics, OpsBuilder};
use dcv_resolver_test_support::log::Log;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::sleep;
use tracing::Level;

use crate::endpoints::{Answer, ask_from, explainer, readiness};

const EXPLAIN: &str = "/explain?sessionId=console";

#[tokio::test]
async fn loopback_address_is_allowed_in_any_spelling() {
    let is_allowed = async |peer: &str| {
        let peer: SocketAddr = peer.parse().unwrap();
        let headers = HeaderMap::new();
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(peer));
        let request = AccessRequest::new(&headers, &extensions, Access::Read);
        LoopbackOnly.authorize(&request).await.is_ok()
    };
    for peer in [
        "127.0.0.1:5",
        "127.8.9.10:5",
        "[::1]:5",
        "[::ffff:127.0.0.1]:5",
    ] {
        assert!(is_allowed(peer).await, "{peer}");
    }
    for peer in [
        "192.0.2.7:5",
        "0.0.0.0:5",
        "128.0.0.1:5",
        "[::]:5",
        "[2001:db8::1]:5",
        "[::ffff:192.0.2.7]:5",
        "[::ffff:0.0.0.1]:5",
        // Not a mapped address: nothing sends from it.
        "[::127.0.0.1]:5",
    ] {
        assert!(!is_allowed(peer).await, "{peer}");
    }
}

#[tokio::test]
async fn forwarded_request_is_refused() {
    let app = OpsBuilder::new(explainer(), readiness()).build();
    for header in [
        ("forwarded", "for=192.0.2.7"),
        ("x-forwarded-for", "127.0.0.1"),
        ("via", "1.1 proxy"),
    ] {
        let answer = ask_from(&app, Some("127.0.0.1:5"), "GET", EXPLAIN, &[header]).await;
        let problem = answer.problem(403, "forbidden");
        assert!(
            problem["detail"].as_str().unwrap().contains("a proxy"),
            "{header:?}"
        );
    }
}

/// A page may give its own name the address 127.0.0.1.
#[tokio::test]
async fn only_loopback_hosts_are_answered_without_tokens() {
    let app = OpsBuilder::new(explainer(), readiness()).build();
    let status = async |host| {
        let headers = &[("host", host)];
        let answer = ask_from(&app, Some("127.0.0.1:5"), "GET", EXPLAIN, headers).await;
        answer.status
    };
    for host in [
        "localhost",
        "LocalHost:9001",
        "127.0.0.1",
        "127.0.0.1:9001",
        "127.1.2.3:80",
        "[::1]",
        "[::1]:9001",
        "[::ffff:127.0.0.1]:9001",
    ] {
        assert_eq!(status(host).await, 200, "{host}");
    }
    for host in [
        "",
        "attacker.example",
        "attacker.example:9001",
        "127.0.0.1.attacker.example",
        "localhost.attacker.example",
        "localhost@attacker.example",
        "attacker.example@localhost",
        "192.0.2.7:9001",
        "0.0.0.0:9001",
        "[2001:db8::1]:9001",
        "::1",
        "2130706433",
        "localhost, attacker.example",
    ] {
        assert_eq!(status(host).await, 403, "{host}");
    }
    let both = &[("host", "localhost"), ("host", "attacker.example")];
    let answer = ask_from(&app, Some("127.0.0.1:5"), "GET", EXPLAIN, both).await;
    let problem = answer.problem(403, "forbidden");
    assert!(problem["detail"].as_str().unwrap().contains("Host"));
}

#[tokio::test]
async fn request_for_a_page_of_another_site_is_refused() {
    let app = OpsBuilder::new(explainer(), readiness()).build();
    let status = async |header: (&str, &str)| {
        let headers = &[("host", "localhost:9001"), header];
        let answer = ask_from(&app, Some("127.0.0.1:5"), "GET", EXPLAIN, headers).await;
        if answer.status != 200 {
            let problem = answer.problem(403, "forbidden");
            assert!(problem["detail"].as_str().unwrap().contains("another site"));
        }
        answer.status
    };
    for header in [
        ("sec-fetch-site", "none"),
        ("sec-fetch-site", "same-origin"),
        ("origin", "http://localhost:9001"),
        ("origin", "https://LOCALHOST:9001"),
    ] {
        assert_eq!(status(header).await, 200, "{header:?}");
    }
    for header in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "anything-new"),
        ("origin", "https://attacker.example"),
        ("origin", "http://localhost:3000"),
        ("origin", "http://localhost"),
        ("origin", "http://127.0.0.1:9001"),
        ("origin", "null"),
        ("origin", ""),
    ] {
        assert_eq!(status(header).await, 403, "{header:?}");
    }
}

/// Probes use addresses, and Prometheus the names of hosts.
#[tokio::test]
async fn pages_without_sessions_are_answered_under_any_name() {
    let app = OpsBuilder::new(explainer(), readiness())
        .metrics(Metrics::new())
        .build();
    let headers = &[("host", "ws-17.dcv.example:9001")];
    for path in ["/livez", "/readyz", "/metrics"] {
        let answer = ask_from(&app, Some("192.0.2.7:5"), "GET", path, headers).await;
        assert_ne!(answer.status, 403, "{path}");
    }
}

#[tokio::test]
async fn other_machine_is_refused_before_its_query_is_read() {
    let app = || OpsBuilder::new(explainer(), readiness()).build();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    for (peer, says) in [
        (
            Some("192.0.2.7:5"),
            "to ask from elsewhere, configure tokens",
        ),
        (None, "serve with ConnectInfo, or configure tokens"),
    ] {
        for uri in [EXPLAIN, "/explain?sessionId=%"] {
            let answer = ask_from(&app(), peer, "GET", uri, &[]).await;
            let problem = answer.problem(403, "forbidden");
            assert!(problem["detail"].as_str().unwrap().ends_with(says));
            let events = log.take();
            assert_eq!(events.len(), 1);
            assert_eq!(events[0]["level"], "WARN");
            let mut fields = events[0]["fields"].clone();
            for varies in ["elapsed_us", "request_id"] {
                fields.as_object_mut().unwrap().remove(varies).unwrap();
            }
            let mut expected = json!(
                {"path": "/explain", "outcome": "refused", "reason": "forbidden", "status": 403});
            if let Some(peer) = peer {
                let peer: SocketAddr = peer.parse().unwrap();
                expected["caller"] = peer.ip().to_string().into();
            }
            assert_eq!(fields, expected);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn refused_requests_do_not_flood_the_log() {
    let app = OpsBuilder::new(explainer(), readiness()).build();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    let outcomes = || -> Vec<(Value, Value)> {
        let events = log.take();
        let fields = events.iter().map(|event| {
            assert_eq!(event["target"], "dcv_resolver::operators");
            &event["fields"]
        });
        fields
            .map(|fields| (fields["outcome"].clone(), fields["suppressed"].clone()))
            .collect()
    };
    let (refused, found) = (json!("refused"), json!("found"));

    for _ in 0..5 {
        let answer = ask_from(&app, Some("192.0.2.7:5"), "GET", EXPLAIN, &[]).await;
        assert_eq!(answer.status, 403);
    }
    // An allowed request is logged nevertheless.
    ask_from(&app, Some("127.0.0.1:5"), "GET", EXPLAIN, &[]).await;
    assert_eq!(
        outcomes(),
        [(refused.clone(), Value::Null), (found, Value::Null)]
    );
    sleep(Duration::from_secs(11)).await;
    assert_eq!(outcomes(), [(refused.clone(), json!(4))]);

    for _ in 0..3 {
        ask_from(&app, None, "GET", EXPLAIN, &[]).await;
    }
    drop(app);
    assert_eq!(
        outcomes(),
        [(refused.clone(), Value::Null), (refused, json!(2))]
    );
}

#[tokio::test]
async fn other_pages_need_no_authorization() {
    let app = OpsBuilder::new(explainer(), readiness())
        .metrics(Metrics::new())
        .authorize(Bearer)
        .build();
    for path in ["/livez", "/readyz", "/metrics"] {
        for peer in [Some("192.0.2.7:5"), None] {
            let answer = ask_from(&app, peer, "GET", path, &[]).await;
            assert!(matches!(answer.status, 200 | 503), "{path}");
        }
    }
}

/// Takes a moment to check a token, as a lookup elsewhere does.
#[derive(Debug)]
struct Bearer;

#[async_trait]
impl Authorize for Bearer {
    async fn authorize(&self, request: &AccessRequest<'_>) -> Result<Principal, AuthError> {
        tokio::task::yield_now().await;
        match request.headers.get("authorization") {
            Some(header) if header == "Bearer tr0ub4dor" => Ok(Principal::new("ann\u{1b}")),
            _ => Err(AuthError::Unauthorized {
                detail: "send a token".into(),
                challenge: HeaderValue::from_static("Bearer realm=\"ops\""),
            }),
        }
    }
}

#[tokio::test]
async fn other_authorization_replaces_loopback_only() {
    let app = OpsBuilder::new(explainer(), readiness())
        .authorize(Bearer)
        .build();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    let ask = async |headers: &[(&str, &str)]| -> Answer {
        ask_from(&app, Some("192.0.2.7:5"), "GET", EXPLAIN, headers).await
    };

    let answer = ask(&[]).await;
    assert_eq!(
        answer.problem(401, "unauthorized")["detail"],
        "send a token"
    );
    assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"ops\"");
    assert_eq!(log.take()[0]["fields"]["outcome"], "refused");

    let answer = ask(&[("authorization", "Bearer tr0ub4dor")]).await;
    assert_eq!(answer.status, 200);
    let events = log.take();
    assert_eq!(events[0]["fields"]["principal"], "ann\\u{1b}");
    assert_eq!(events[0]["fields"]["caller"], "192.0.2.7");
    assert!(!format!("{events:?}").contains("tr0ub4dor"));
}

/// Fails as its identity provider does.
#[derive(Debug, Clone, Copy)]
enum Broken {
    Unreachable,
    Hangs,
    Panics,
}

#[async_trait]
impl Authorize for Broken {
    async fn authorize(&self, _: &AccessRequest<'_>) -> Result<Principal, AuthError> {
        match self {
            Self::Unreachable => Err(AuthError::Unavailable("sign-in is unavailable".into())),
            Self::Hangs => std::future::pending().await,
            Self::Panics => panic!("out of cheese"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn failed_authorization_is_answered_and_does_not_flood_the_log() {
    for (broken, status, reason, error) in [
        (
            Broken::Unreachable,
            503,
            "auth_unavailable",
            json!("sign-in is unavailable"),
        ),
        (Broken::Hangs, 503, "timeout", Value::Null),
        (
            Broken::Panics,
            500,
            "internal_error",
            json!("panicked: out of cheese"),
        ),
    ] {
        let (log, _guard) = Log::of_this_thread(Level::WARN);
        let app = OpsBuilder::new(explainer(), readiness())
            .authorize(broken)
            .build();
        let asking = (0..3).map(|_| ask_from(&app, Some("192.0.2.7:5"), "GET", EXPLAIN, &[]));
        for answer in join_all(asking).await {
            answer.problem(status, reason);
        }
        drop(app);
        let [first, summary] = &log.take()[..] else {
            panic!("one event and one summary");
        };
        for event in [first, summary] {
            assert_eq!(event["fields"]["outcome"], "failed");
            assert_eq!(event["fields"]["reason"], reason);
        }
        assert_eq!(first["fields"]["error"], error);
        assert_eq!(summary["fields"]["suppressed"], 2);
    }
}
