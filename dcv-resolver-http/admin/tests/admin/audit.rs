//! What is left in the log.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::extract::connect_info::MockConnectInfo;
use dcv_resolver_core::Clock;
use serde_json::{Value, json};

use crate::fixture::{
    App, BODY, LEASE, OTHER_LEASE, READER, STRANGER, WRITER, as_writer, bearing,
    json as json_request,
};
use crate::log::log_of_this_thread;

/// For which [`BODY`] registers.
const MINUTE: Duration = Duration::from_secs(60);

/// The only event, without what is another each time.
fn only(events: Vec<Value>) -> Value {
    let [mut event] = <[Value; 1]>::try_from(events).unwrap();
    let fields = event.as_object_mut().unwrap();
    assert!(fields.remove("timestamp").is_some());
    assert!(fields.remove("elapsed_us").unwrap().is_u64());
    assert!(fields.remove("request_id").unwrap().is_string());
    event
}

#[tokio::test]
async fn every_change_is_audited_once() {
    let (log, _guard) = log_of_this_thread();
    let app = App::new();
    let done = |action: &str| {
        json!({
            "target": "dcv_resolver::audit",
            "level": "INFO",
            "action": action,
            "session_id": "a\\u{202e}",
            "principal": "writer",
            "role": "read-write",
            "caller": "192.0.2.99",
            "outcome": "done",
        })
    };
    let id = "a%E2%80%AE";
    app.register(id, LEASE, BODY).await.expect(200, "");
    let mut expected = done("register");
    expected["host"] = "192.0.2.7".into();
    expected["expires_at"] = app.clock.now().saturating_add(MINUTE).to_string().into();
    assert_eq!(only(log.take()), expected);
    app.renew(id, LEASE, r#"{"expires_at_ms":null}"#)
        .await
        .expect(200, "");
    let mut expected = done("renew");
    expected["expires_at"] = "never".into();
    assert_eq!(only(log.take()), expected);
    app.deregister(id, LEASE).await.expect(204, "");
    assert_eq!(only(log.take()), done("deregister"));
}

#[tokio::test]
async fn caller_of_a_test_without_a_server_is_audited() {
    let (log, _guard) = log_of_this_thread();
    let app = App::new();
    let mut request = as_writer("DELETE", "/v1/sessions/a")
        .header("lease-token", LEASE)
        .body(Body::empty())
        .unwrap();
    let ConnectInfo(peer) = request
        .extensions_mut()
        .remove::<ConnectInfo<SocketAddr>>()
        .unwrap();
    request.extensions_mut().insert(MockConnectInfo(peer));
    app.send(request).await;
    assert_eq!(only(log.take())["caller"], "192.0.2.99");
}

#[tokio::test]
async fn every_refused_change_is_audited_with_its_reason() {
    let (log, _guard) = log_of_this_thread();
    let app = App::new();
    app.register("a", LEASE, BODY).await.expect(200, "");
    assert_eq!(log.take().len(), 1);

    app.register("a", OTHER_LEASE, BODY)
        .await
        .expect(409, "already_exists");
    assert_eq!(
        only(log.take()),
        json!({
            "target": "dcv_resolver::audit",
            "level": "WARN",
            "action": "register",
            "session_id": "a",
            "host": "192.0.2.7",
            "expires_at": app.clock.now().saturating_add(MINUTE).to_string(),
            "principal": "writer",
            "role": "read-write",
            "caller": "192.0.2.99",
            "outcome": "refused",
            "reason": "already_exists",
            "status": 409,
            "detail": "a live session with this id is registered under another lease token",
        })
    );
    let expect = |reason: &str| {
        let event = only(log.take());
        assert_eq!(event["target"], "dcv_resolver::audit");
        assert_eq!(event["level"], "WARN");
        assert_eq!(event["outcome"], "refused");
        assert_eq!(event["reason"], reason);
    };
    app.renew("a", OTHER_LEASE, r#"{"ttl_ms":1}"#).await;
    expect("lease_lost");
    app.deregister("a", OTHER_LEASE).await;
    expect("no_such_lease");
    app.deregister("a", "tr0ub4dor").await;
    expect("malformed_request");
    app.register("a", LEASE, "{").await;
    expect("malformed_request");
    app.register("%zz", LEASE, BODY).await;
    expect("malformed_request");
    let read_only = bearing(READER, "DELETE", "/v1/sessions/a");
    app.send(read_only.body(Body::empty()).unwrap()).await;
    expect("read_only_token");
}

#[tokio::test]
async fn reads_are_logged_at_debug_and_not_audited() {
    let (log, _guard) = log_of_this_thread();
    let app = App::new();
    app.get("/v1/sessions").await;
    app.get("/v1/sessions/a").await;
    app.get("/v1/openapi.json").await;
    app.get("/v1/no/such/path").await;
    for event in log.take() {
        assert_eq!(event["target"], "dcv_resolver::admin", "{event}");
        assert_eq!(event["level"], "DEBUG", "{event}");
    }
}

#[tokio::test]
async fn no_token_of_any_kind_is_logged() {
    let (log, _guard) = log_of_this_thread();
    let app = App::new();
    let request = json_request("PUT", "/v1/sessions/a").body(BODY.into());
    let generated = app.send(request.unwrap()).await;
    let generated = generated.headers["lease-token"]
        .to_str()
        .unwrap()
        .to_owned();
    app.register("b", LEASE, BODY).await.expect(200, "");
    app.renew("b", LEASE, "{}")
        .await
        .expect(400, "malformed_request");
    app.deregister("b", OTHER_LEASE)
        .await
        .expect(404, "no_such_lease");
    let text = log.text();
    assert!(text.lines().count() >= 4, "{text}");
    for secret in ["tr0ub4dor", LEASE, OTHER_LEASE, &generated] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn every_request_is_observed_once() {
    let app = App::new();
    app.register("a", LEASE, BODY).await.expect(200, "");
    app.get("/v1/sessions/a").await.expect(200, "");
    app.get("/v1/sessions").await.expect(200, "");
    app.get("/v1/openapi.json").await.expect(200, "");
    app.register("a", OTHER_LEASE, BODY)
        .await
        .expect(409, "already_exists");
    app.register("a", LEASE, "{")
        .await
        .expect(400, "malformed_request");
    assert_eq!(
        app.observed.take(),
        [
            "register done",
            "get done",
            "list done",
            "describe done",
            "register refused",
            "register refused",
        ]
    );
    // Refused before the sender is known, and before there is an operation.
    for (token, method, path, observed) in [
        (READER, "DELETE", "/v1/sessions/a", "deregister refused"),
        (STRANGER, "DELETE", "/v1/sessions/a", "deregister refused"),
        (WRITER, "PATCH", "/v1/sessions/a", "none refused"),
        (WRITER, "GET", "/v1/nothing", "none refused"),
    ] {
        let request = bearing(token, method, path).body(Body::empty());
        app.send(request.unwrap()).await;
        assert_eq!(app.observed.take(), [observed], "{method} {path}");
    }
}
