use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use dcv_resolver_admin::AdminBuilder;
use dcv_resolver_authorize::{AccessRequest, AuthError, Authorize, Principal};
use dcv_resolver_core::testing::{ManualClock, session};
use dcv_resolver_core::{
    Clock, Expiry, LeaseToken, MemoryStore, SessionId, SessionRecord, SessionRegistry,
    SessionStore, async_trait,
};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::message;
use crate::runtime::block_on;

/// The body of a registration and of a renewal: what is registered is what the
/// response shows, an invalid body changes nothing, and what is shown can be
/// registered again.
pub fn admin_body(data: &[u8]) {
    registration(data);
    renewal(data);
}

fn registration(data: &[u8]) {
    let admin = Admin::new();
    let (status, shown) = admin.send("PUT", "/v1/sessions/console", data);
    let stored = admin.stored("console");
    if status != 200 {
        check_problem(status, &shown);
        assert_eq!(stored, None);
        return;
    }
    let given: Value = serde_json::from_slice(data).expect("a body that is accepted is JSON");
    let given = given
        .as_object()
        .expect("a body that is accepted is an object");
    let stored = stored.expect("it is registered");
    assert_eq!(serde_json::to_value(&stored).unwrap(), shown);
    assert_eq!(
        given["host"].as_str().map(str::parse),
        Some(Ok(stored.host().clone()))
    );
    assert_ne!(
        given.contains_key("ttl_ms"),
        given.contains_key("expires_at_ms")
    );
    if let Some(ttl_ms) = given.get("ttl_ms").and_then(Value::as_u64) {
        assert_eq!(stored.expiry(), admin.after(ttl_ms));
    }

    let mut again = shown.clone();
    again.as_object_mut().unwrap().remove("id");
    let (status, shown_again) =
        admin.send("PUT", "/v1/sessions/console", again.to_string().as_bytes());
    assert_eq!((status, shown_again), (200, shown));
}

fn renewal(data: &[u8]) {
    let admin = Admin::new();
    let before = session("console").with_expiry(admin.after(1));
    let registering = admin.store.register(&before, &TOKEN, admin.clock.now());
    block_on(registering).unwrap();
    let (status, shown) = admin.send("POST", "/v1/sessions/console/renew", data);
    let stored = admin.stored("console").expect("it is registered");
    if status != 200 {
        check_problem(status, &shown);
        assert_eq!(stored, before);
        return;
    }
    assert_eq!(stored, before.with_expiry(stored.expiry()));
    let shown = shown.as_object().unwrap();
    assert_eq!(shown.len(), 1);
    assert_eq!(
        shown["expires_at_ms"],
        serde_json::to_value(stored.expiry()).unwrap()
    );
}

fn check_problem(status: u16, shown: &Value) {
    assert!(matches!(status, 400 | 413), "{status} {shown}");
    let reason = match status {
        400 => "malformed_request",
        _ => "body_too_long",
    };
    assert_eq!(shown["reason"], reason);
    assert_eq!(shown["status"], status);
    let parameter = (status == 400).then_some("body");
    assert_eq!(shown["parameter"].as_str(), parameter);
    message::check(shown["detail"].as_str().unwrap());
}

const TOKEN: LeaseToken = LeaseToken::from_bytes([0xa5; LeaseToken::BYTES]);

struct Admin {
    store: Arc<MemoryStore>,
    clock: ManualClock,
    router: Router,
}

impl Admin {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let clock = ManualClock::default();
        let router = AdminBuilder::new(Arc::clone(&store) as Arc<dyn SessionRegistry>, Anyone)
            .clock(clock.clone())
            .build();
        Self {
            store,
            clock,
            router,
        }
    }

    fn after(&self, ms: u64) -> Expiry {
        let duration = std::time::Duration::from_millis(ms);
        Expiry::At(self.clock.now().saturating_add(duration))
    }

    fn stored(&self, id: &str) -> Option<SessionRecord> {
        let id: SessionId = id.parse().unwrap();
        block_on(self.store.lookup(&id)).unwrap()
    }

    fn send(&self, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("lease-token", TOKEN.expose_hex())
            .body(Body::from(body.to_vec()))
            .unwrap();
        block_on(async {
            let response: Response = self.router.clone().oneshot(request).await.unwrap();
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            (
                status,
                serde_json::from_slice(&body).expect("every body is JSON"),
            )
        })
    }
}

/// Admits everyone.
#[derive(Debug)]
struct Anyone;

#[async_trait]
impl Authorize for Anyone {
    async fn authorize(&self, _: &AccessRequest<'_>) -> Result<Principal, AuthError> {
        Ok(Principal::new("anyone"))
    }
}
