//! Sessions are registered, shown, renewed and removed.

use std::time::Duration;

use axum::body::Body;
use dcv_resolver_core::{Clock, Expiry, MemoryStore, SessionRecord};
use serde_json::json;

use crate::fixture::{App, BODY, LEASE, OTHER_LEASE, json as json_request};

const RENEWAL: &str = r#"{"ttl_ms":1000}"#;

#[tokio::test]
async fn session_is_shown_as_it_was_registered() {
    let app = App::new();
    let answer = app
        .register(
            "console",
            LEASE,
            r#"{"target_id":"i-0abc","host":"WS-17.dcv.example","http_port":8443,"quic_port":8444.0,"web_url_path":"/desk",
                "state":"CREATING","expires_at_ms":1893456000000,"owner":"ann","labels":{"project":"cad"}}"#,
        )
        .await;
    let session = json!({
        "id": "console",
        "target_id": "i-0abc",
        "host": "WS-17.dcv.example",
        "http_port": 8443,
        "quic_port": 8444,
        "web_url_path": "/desk",
        "state": "CREATING",
        "expires_at_ms": 1_893_456_000_000_i64,
        "owner": "ann",
        "labels": {"project": "cad"},
    });
    answer.expect(200, "");
    assert_eq!(answer.json(), session);
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(app.get("/v1/sessions/console").await.json(), session);
}

#[tokio::test]
async fn stale_record_has_an_age() {
    let record = SessionRecord::builder("a".parse().unwrap(), "h".parse().unwrap(), Expiry::Never)
        .http_port(8443)
        .build()
        .unwrap();
    let stale = record.clone().with_stale_age(Duration::from_millis(61_234));
    for (record, age) in [(record, None), (stale, Some("61"))] {
        let app = App::over(MemoryStore::from_iter([record]));
        let answer = app.get("/v1/sessions/a").await;
        answer.expect(200, "");
        let shown = answer.headers.get("age");
        assert_eq!(shown.map(|age| age.to_str().unwrap()), age);
    }
}

#[tokio::test]
async fn optional_fields_have_defaults() {
    let app = App::new();
    let body = r#"{"host":"2001:DB8::7","quic_port":1,"expires_at_ms":null}"#;
    let answer = app.register("a", LEASE, body).await;
    let session = json!({
        "id": "a",
        "host": "2001:db8::7",
        "quic_port": 1,
        "web_url_path": "/",
        "state": "READY",
        "expires_at_ms": null,
    });
    assert_eq!(answer.json(), session);
}

#[tokio::test]
async fn ttl_counts_from_now() {
    let app = App::new();
    let now = app.clock.now().as_unix_ms();
    let answer = app.register("a", LEASE, BODY).await;
    assert_eq!(answer.json()["expires_at_ms"], now + 60_000);

    app.clock.advance(Duration::from_millis(10));
    let answer = app.renew("a", LEASE, RENEWAL).await;
    assert_eq!(answer.json(), json!({"expires_at_ms": now + 1_010}));
    let shown = app.get("/v1/sessions/a").await;
    assert_eq!(shown.json()["expires_at_ms"], now + 1_010);
}

#[tokio::test]
async fn lease_token_is_generated_exactly_if_the_request_has_none() {
    let app = App::new();
    let mut generated = Vec::new();
    for id in ["a", "b"] {
        let request = json_request("PUT", &format!("/v1/sessions/{id}"));
        let answer = app.send(request.body(BODY.into()).unwrap()).await;
        answer.expect(200, "");
        let lease = answer.headers["lease-token"].to_str().unwrap().to_owned();
        assert_eq!(lease.len(), 32);
        assert!(!answer.body.contains(&lease));
        app.renew(id, &lease, RENEWAL).await.expect(200, "");
        app.deregister(id, &lease).await.expect(204, "");
        generated.push(lease);
    }
    assert_ne!(generated[0], generated[1]);

    let brought = app.register("c", LEASE, BODY).await;
    assert!(!brought.headers.contains_key("lease-token"));
    // Without its token, a live session cannot be registered over.
    let request = json_request("PUT", "/v1/sessions/c");
    let answer = app.send(request.body(BODY.into()).unwrap()).await;
    answer.expect(409, "already_exists");
    assert!(!answer.headers.contains_key("lease-token"));
}

#[tokio::test]
async fn change_under_another_lease_is_refused() {
    let app = App::new();
    app.register("a", LEASE, BODY).await.expect(200, "");

    let before = app.get("/v1/sessions/a").await.body;
    let other = r#"{"host":"192.0.2.8","http_port":1,"ttl_ms":1}"#;
    app.register("a", OTHER_LEASE, other)
        .await
        .expect(409, "already_exists");
    app.renew("a", OTHER_LEASE, RENEWAL)
        .await
        .expect(409, "lease_lost");
    app.deregister("a", OTHER_LEASE)
        .await
        .expect(404, "no_such_lease");
    assert_eq!(app.get("/v1/sessions/a").await.body, before);

    // Repeating under the same token is harmless.
    app.register("a", LEASE, other).await.expect(200, "");
    assert_eq!(app.get("/v1/sessions/a").await.json()["host"], "192.0.2.8");
}

#[tokio::test]
async fn expired_session_is_shown_and_replaced_and_cannot_be_renewed() {
    let app = App::new();
    app.register("a", LEASE, BODY).await.expect(200, "");
    app.clock.advance(Duration::from_millis(60_000));
    app.get("/v1/sessions/a").await.expect(200, "");
    app.renew("a", LEASE, RENEWAL)
        .await
        .expect(409, "lease_lost");
    app.register("a", OTHER_LEASE, BODY).await.expect(200, "");
    app.deregister("a", LEASE)
        .await
        .expect(404, "no_such_lease");
}

#[tokio::test]
async fn removed_session_is_unknown_and_cannot_be_removed_again() {
    let app = App::new();
    app.register("a", LEASE, BODY).await.expect(200, "");
    let answer = app.deregister("a", LEASE).await;
    answer.expect(204, "");
    assert_eq!(answer.body, "");
    app.get("/v1/sessions/a").await.expect(404, "unknown");
    let answer = app.deregister("a", LEASE).await;
    answer.expect(404, "no_such_lease");
    assert_eq!(
        answer.detail(),
        "there is no session with this id and lease token: it is absent, or registered under another token"
    );
    app.renew("a", LEASE, RENEWAL)
        .await
        .expect(409, "lease_lost");
}

#[tokio::test]
async fn registry_is_the_one_that_was_given() {
    let store = std::sync::Arc::new(MemoryStore::new());
    let app = App::over(std::sync::Arc::clone(&store));
    app.register("a", LEASE, BODY).await.expect(200, "");
    assert!(store.remove(&"a".parse().unwrap()).is_some());
    let request = crate::fixture::as_writer("GET", "/v1/sessions/a");
    app.send(request.body(Body::empty()).unwrap())
        .await
        .expect(404, "unknown");
}
