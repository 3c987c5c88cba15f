//! Who may ask for an explanation.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use dcv_resolver_http::ops::{Guard, LoopbackOnly, OpsBuilder, Refused};
use serde_json::{Value, json};

use crate::endpoints::{Answer, ask_from, explainer, readiness};
use crate::log::Log;

const EXPLAIN: &str = "/explain?sessionId=console";

fn is_admitted(peer: &str) -> bool {
    let peer: SocketAddr = peer.parse().unwrap();
    LoopbackOnly.admit(&HeaderMap::new(), Some(peer)).is_ok()
}

#[test]
fn loopback_is_this_machine_however_it_is_written() {
    for peer in [
        "127.0.0.1:5",
        "127.8.9.10:5",
        "[::1]:5",
        "[::ffff:127.0.0.1]:5",
    ] {
        assert!(is_admitted(peer), "{peer}");
    }
    for peer in [
        "192.0.2.7:5",
        "0.0.0.0:5",
        "128.0.0.1:5",
        "[::]:5",
        "[2001:db8::1]:5",
        "[::ffff:192.0.2.7]:5",
        "[::ffff:0.0.0.1]:5",
        // No mapped address: nobody sends from it.
        "[::127.0.0.1]:5",
    ] {
        assert!(!is_admitted(peer), "{peer}");
    }
}

#[tokio::test]
async fn what_a_proxy_on_this_machine_has_passed_on_is_refused() {
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

#[tokio::test]
async fn only_this_machine_is_answered_without_another_guard() {
    let app = || OpsBuilder::new(explainer(), readiness()).build();
    let (log, _guard) = Log::of_this_thread();
    let answer = ask_from(&app(), Some("[::ffff:127.0.0.1]:5"), "GET", EXPLAIN, &[]).await;
    assert_eq!(answer.status, 200);
    log.take();

    for (peer, says) in [
        (
            Some("192.0.2.7:5"),
            "to ask from elsewhere, configure tokens",
        ),
        (None, "serve with ConnectInfo, or configure tokens"),
    ] {
        // What it asks is not even read.
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
                {"outcome": "refused", "reason": "forbidden", "status": 403});
            if let Some(peer) = peer {
                expected["peer"] = peer.into();
            }
            assert_eq!(fields, expected);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_are_refused_do_not_flood_the_log() {
    let app = OpsBuilder::new(explainer(), readiness()).build();
    let (log, _guard) = Log::of_this_thread();
    for _ in 0..5 {
        let answer = ask_from(&app, Some("192.0.2.7:5"), "GET", EXPLAIN, &[]).await;
        assert_eq!(answer.status, 403);
    }
    // Who is let in is told of all the same.
    ask_from(&app, Some("127.0.0.1:5"), "GET", EXPLAIN, &[]).await;
    let outcomes = |events: &[Value]| -> Vec<(Value, Value)> {
        let fields = events.iter().map(|event| &event["fields"]);
        fields
            .map(|fields| (fields["outcome"].clone(), fields["refused"].clone()))
            .collect()
    };
    let (refused, found) = (json!("refused"), json!("found"));
    assert_eq!(
        outcomes(&log.take()),
        [(refused.clone(), Value::Null), (found.clone(), Value::Null)]
    );

    tokio::time::advance(Duration::from_secs(10)).await;
    ask_from(&app, Some("127.0.0.1:5"), "GET", EXPLAIN, &[]).await;
    let events = log.take();
    assert_eq!(
        outcomes(&events),
        [(refused.clone(), json!(4)), (found, Value::Null)]
    );
    assert_eq!(events[0]["target"], "dcv_resolver::explain");

    for _ in 0..3 {
        ask_from(&app, None, "GET", EXPLAIN, &[]).await;
    }
    drop(app);
    assert_eq!(
        outcomes(&log.take()),
        [(refused.clone(), Value::Null), (refused, json!(2))]
    );
}

#[tokio::test]
async fn everything_else_is_answered_to_anybody() {
    let app = OpsBuilder::new(explainer(), readiness())
        .guard(Bearer)
        .build();
    for path in ["/livez", "/readyz", "/metrics"] {
        for peer in [Some("192.0.2.7:5"), None] {
            let answer = ask_from(&app, peer, "GET", path, &[]).await;
            assert!(matches!(answer.status, 200 | 503), "{path}");
        }
    }
}

/// As the tokens of the admin API do it.
#[derive(Debug)]
struct Bearer;

impl Guard for Bearer {
    fn admit(&self, headers: &HeaderMap, _: Option<SocketAddr>) -> Result<Arc<str>, Refused> {
        match headers.get("authorization") {
            Some(header) if header == "Bearer tr0ub4dor" => Ok("ann\u{1b}".into()),
            _ => Err(Refused::Unauthorized("show a token".into())),
        }
    }
}

#[tokio::test]
async fn another_guard_stands_alone() {
    let app = OpsBuilder::new(explainer(), readiness())
        .guard(Bearer)
        .build();
    let (log, _guard) = Log::of_this_thread();
    let ask = async |headers: &[(&str, &str)]| -> Answer {
        ask_from(&app, Some("127.0.0.1:5"), "GET", EXPLAIN, headers).await
    };

    let answer = ask(&[]).await;
    assert_eq!(
        answer.problem(401, "unauthorized")["detail"],
        "show a token"
    );
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
    assert_eq!(log.take()[0]["fields"]["outcome"], "refused");

    let answer = ask(&[("authorization", "Bearer tr0ub4dor")]).await;
    assert_eq!(answer.status, 200);
    let events = log.take();
    assert_eq!(events[0]["fields"]["caller"], "ann\\u{1b}");
    assert_eq!(events[0]["fields"]["peer"], "127.0.0.1:5");
    assert!(!format!("{events:?}").contains("tr0ub4dor"));
}
