//! The adapter inside a host service.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use dcv_resolver_core::{Expiry, MemoryStore, Resolver, SessionId, SessionRecord};
use dcv_resolver_http::{ResolveService, ResolveServiceBuilder, router};
use http_body_util::BodyExt;
use proptest::prelude::*;
use tower::ServiceExt;

fn resolver_of(id: &SessionId) -> Resolver {
    let record = SessionRecord::builder(id.clone(), "192.0.2.7".parse().unwrap(), Expiry::Never)
        .http_port(8443)
        .build()
        .unwrap();
    Resolver::new(Arc::new(MemoryStore::from_iter([record])))
}

fn builder() -> ResolveServiceBuilder {
    ResolveService::builder(resolver_of(&"console".parse().unwrap()))
}

async fn send(app: &Router, method: &str, uri: &str) -> (StatusCode, String) {
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .body(Body::empty())
        .unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.into()).unwrap())
}

async fn is_resolved(app: &Router, path: &str) -> bool {
    let (status, body) = send(app, "POST", &format!("{path}?sessionId=console")).await;
    status == StatusCode::OK && body.contains(r#""SessionId":"console""#)
}

/// A service with a state, a route and a fallback of its own.
fn host() -> Router {
    Router::new()
        .route(
            "/health",
            get(async |State(health): State<&'static str>| health),
        )
        .fallback(async || (StatusCode::IM_A_TEAPOT, "the host's fallback"))
        .with_state("healthy")
}

#[tokio::test]
async fn routed_to_one_path_only_that_path_is_answered() {
    let app = host().route_service("/resolveSession", builder().build());
    assert!(is_resolved(&app, "/resolveSession").await);
    assert_eq!(
        send(&app, "GET", "/health").await,
        (StatusCode::OK, "healthy".to_owned())
    );
    for path in ["/", "/stage/resolveSession", "/elsewhere"] {
        assert_eq!(
            send(&app, "POST", path).await.0,
            StatusCode::IM_A_TEAPOT,
            "{path}"
        );
    }
    assert_eq!(
        send(&app, "GET", "/resolveSession").await.0,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[tokio::test]
async fn merged_with_routes_any_prefix_is_answered() {
    let app = Router::new()
        .route("/health", get(async || "healthy"))
        .merge(builder().router());
    for path in [
        "/resolveSession",
        "/stage/x/resolveSession/",
        "/health/resolveSession",
    ] {
        assert!(is_resolved(&app, path).await, "{path}");
    }
    assert_eq!(
        send(&app, "GET", "/health").await,
        (StatusCode::OK, "healthy".to_owned())
    );
    let (status, body) = send(&app, "POST", "/elsewhere").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(body.contains(r#""reason":"no_such_path""#), "{body}");
}

#[tokio::test]
async fn nested_only_its_own_prefix_is_answered() {
    let app = host().nest("/dcv", builder().router());
    for path in [
        "/dcv/resolveSession",
        "/dcv/resolveSession/",
        "/dcv//resolveSession",
        "/dcv/stage/resolveSession",
        "/dcv/stage//resolveSession/",
    ] {
        assert!(is_resolved(&app, path).await, "{path}");
    }
    for path in [
        "/resolveSession",
        "/stage/resolveSession",
        "/dcvx/resolveSession",
    ] {
        assert_eq!(
            send(&app, "POST", path).await.0,
            StatusCode::IM_A_TEAPOT,
            "{path}"
        );
    }
    assert_eq!(send(&app, "GET", "/health").await.0, StatusCode::OK);
}

#[tokio::test]
async fn nested_below_a_parameter_it_is_answered() {
    let app = Router::new().nest("/tenants/{tenant}", builder().router());
    assert!(is_resolved(&app, "/tenants/a%20b/resolveSession").await);
    assert!(is_resolved(&app, "/tenants/a/stage/resolveSession").await);
}

#[tokio::test]
async fn two_resolvers_share_one_router() {
    let other = ResolveService::builder(resolver_of(&"other".parse().unwrap())).router();
    let app = Router::new()
        .nest("/a", builder().router())
        .nest("/b", other);
    assert!(is_resolved(&app, "/a/resolveSession").await);
    assert!(!is_resolved(&app, "/b/resolveSession").await);
    let (status, _) = send(&app, "POST", "/b/resolveSession?sessionId=other").await;
    assert_eq!(status, StatusCode::OK);
}

proptest! {
    /// Whatever can be an id comes back to the byte, however it is encoded.
    #[test]
    fn any_id_survives_from_the_request_to_the_answer(
        id in any::<String>().prop_filter_map("no id", |text| SessionId::new(text).ok()),
        encode_all: bool,
    ) {
        let mut encoded = String::new();
        for byte in id.as_str().bytes() {
            if byte.is_ascii_alphanumeric() && !encode_all {
                encoded.push(char::from(byte));
            } else {
                encoded.push_str(&format!("%{byte:02x}"));
            }
        }
        let app = router(resolver_of(&id));
        let uri = format!("/resolveSession?sessionId={encoded}");
        let (status, body) = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
            .block_on(send(&app, "POST", &uri));
        prop_assert_eq!(status, StatusCode::OK, "{}", body);
        let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
        prop_assert_eq!(answer["SessionId"].as_str(), Some(id.as_str()));
        prop_assert_eq!(answer.as_object().unwrap().len(), 5);
    }
}
