//! The resolver without a router around it. What it answers is held against
//! the wire's golden files beside the router.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use dcv_resolver_core::MemoryStore;
use dcv_resolver_http::{ResolveService, ResolveServiceBuilder};
use tower::ServiceExt;

use crate::support::{CONSOLE, memory, over, request};

async fn status(service: &ResolveService, request: Request<Body>) -> StatusCode {
    service.clone().oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn a_request_is_answered_by_what_is_there_when_it_arrives() {
    let service = over(memory()).service();
    let clone = service.clone();
    assert_eq!(status(&clone, request("", CONSOLE)).await, StatusCode::OK);
    service.replace(&over(MemoryStore::new()).service());
    assert_eq!(
        status(&clone, request("", CONSOLE)).await,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn it_answers_below_any_prefix_and_takes_the_caller_from_the_server() {
    let closed = |builder: ResolveServiceBuilder| {
        builder
            .any_prefix(false)
            .allowed_callers(["192.0.2.0/24".parse().unwrap()])
    };
    let service = closed(over(memory())).service();
    let below = format!("/stage{CONSOLE}");
    for (caller, expected) in [
        ("192.0.2.9", StatusCode::OK),
        ("::ffff:192.0.2.9", StatusCode::OK),
        ("198.51.100.9", StatusCode::FORBIDDEN),
        ("", StatusCode::FORBIDDEN),
    ] {
        let status = status(&service, request(caller, &below)).await;
        assert_eq!(status, expected, "{caller:?}");
    }
}
