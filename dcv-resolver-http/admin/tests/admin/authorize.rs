//! A host that brings its own authentication.

use axum::body::Body;
use dcv_resolver_authorize::{Access, AccessRequest, AuthError, Authorize, Principal};
use dcv_resolver_core::{MemoryStore, async_trait};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::fixture::{App, BODY, LEASE, request};
use crate::log::log_of_this_thread;

/// Allows what the header `x-may` says, or fails.
#[derive(Debug)]
struct ByHeader;

#[async_trait]
impl Authorize for ByHeader {
    async fn authorize(&self, request: &AccessRequest<'_>) -> Result<Principal, AuthError> {
        let may = request
            .headers
            .get("x-may")
            .map(|may| may.to_str().unwrap());
        match (may, request.access) {
            (Some("write"), _) | (Some("read"), Access::Read) => Ok(Principal::new("ann\u{1b}")),
            (Some("hang"), _) => std::future::pending().await,
            (Some("panic"), _) => panic!("as asked"),
            (Some("unavailable"), _) => Err(AuthError::Unavailable("no answer".into())),
            _ => Err(AuthError::Forbidden("ask the house".into())),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn host_authorizes_in_place_of_tokens() {
    let (log, _guard) = log_of_this_thread();
    let app = App::with(MemoryStore::new(), ByHeader);
    for (may, method, status, reason) in [
        ("write", "PUT", 200, ""),
        ("read", "GET", 200, ""),
        ("read", "PUT", 403, "read_only_token"),
        ("nothing", "GET", 403, "forbidden"),
        ("nothing", "PUT", 403, "forbidden"),
        ("hang", "GET", 503, "timeout"),
        ("panic", "PUT", 500, "internal_error"),
    ] {
        let request = request(method, "/v1/sessions/a")
            .header("x-may", may)
            .header("lease-token", LEASE)
            .header("content-type", "application/json");
        let answer = app.send(request.body(Body::from(BODY)).unwrap()).await;
        answer.expect(status, reason);
        if status == 403 {
            assert_eq!(answer.detail(), "ask the house");
        }
    }

    let events = log.take();
    let logged: Vec<_> = events
        .iter()
        .map(|event| {
            let text = |name: &str| event[name].as_str().unwrap_or_default();
            (
                text("target"),
                text("principal"),
                text("reason"),
                text("error"),
            )
        })
        .collect();
    let (looks, changes) = ("dcv_resolver::admin", "dcv_resolver::audit");
    assert_eq!(
        logged,
        [
            (changes, "ann\\u{1b}", "", ""),
            (looks, "ann\\u{1b}", "", ""),
            (changes, "ann\\u{1b}", "read_only_token", ""),
            // The second is suppressed.
            (looks, "", "forbidden", ""),
            (looks, "", "timeout", ""),
            (looks, "", "internal_error", "panicked: as asked"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn failed_authorization_does_not_flood_the_log() {
    for (may, reason) in [
        ("unavailable", "auth_unavailable"),
        ("hang", "timeout"),
        ("panic", "internal_error"),
    ] {
        let (log, _guard) = log_of_this_thread();
        let app = App::with(MemoryStore::new(), ByHeader);
        let ask = || request("GET", "/v1/sessions").header("x-may", may);
        let asking = (0..3).map(|_| app.send(ask().body(Body::empty()).unwrap()));
        join_all(asking).await;
        drop(app);
        let events = log.take();
        let fields =
            |event: &Value| ["level", "reason", "suppressed"].map(|name| event[name].clone());
        let logged: Vec<_> = events.iter().map(fields).collect();
        let first = [json!("ERROR"), json!(reason), Value::Null];
        assert_eq!(logged, [first, [json!("WARN"), json!(reason), json!(2)]]);
    }
}
