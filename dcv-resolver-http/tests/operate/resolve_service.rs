//! The service without a router around it.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use dcv_resolver_http::ResolveService;
use tower::ServiceExt;

use crate::support::{CONSOLE, memory, over, request};

async fn status(service: &ResolveService, request: Request<Body>) -> StatusCode {
    service.clone().oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn service_answers_below_any_prefix_and_takes_the_caller_from_connect_info() {
    let service = over(memory())
        .allowed_callers(vec!["192.0.2.0/24".parse().unwrap()])
        .build();
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
