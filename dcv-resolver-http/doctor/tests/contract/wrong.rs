//! Resolvers that are right but for one rule.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Redirect, Response};
use dcv_resolver_doctor::contract::Level::{self, Must, Should};

use crate::own::router;
use crate::serve::{check, rules};

/// Asserts that the resolver breaks this rule alone.
async fn assert_breaks<F>(
    rule: &str,
    level: Level,
    wrong: impl Fn(Request, Next) -> F + Clone + Send + Sync + 'static,
) where
    F: Future<Output = Response> + Send + 'static,
{
    let report = check(router().layer(from_fn(wrong))).await;
    let broken: Vec<_> = rules(&report).into_iter().collect();
    assert_eq!(broken, [(level, rule)], "{report}");
}

/// Answers with another text in the place of `text`.
async fn replaced(response: Response, text: &str, other: &str) -> Response {
    let (mut head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    head.headers.remove("content-length");
    Response::from_parts(head, Body::from(body.replace(text, other)))
}

fn query(request: &Request) -> String {
    request.uri().query().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn port_that_is_a_string_is_found() {
    assert_breaks("wrong_type", Must, async |request: Request, next: Next| {
        let response = next.run(request).await;
        let response = replaced(response, "8443", "\"8443\"").await;
        replaced(response, "8444", "\"8444\"").await
    })
    .await;
}

#[tokio::test]
async fn transport_in_lower_case_is_found() {
    assert_breaks(
        "other_transport",
        Must,
        async |request: Request, next: Next| {
            let response = next.run(request).await;
            let response = replaced(response, "\"HTTP\"", "\"http\"").await;
            replaced(response, "\"QUIC\"", "\"quic\"").await
        },
    )
    .await;
}

#[tokio::test]
async fn required_client_ip_is_found() {
    assert_breaks(
        "client_ip_absent",
        Must,
        async |request: Request, next: Next| {
            let query = query(&request);
            let is_valid = query.contains("sessionId=console&transport=HTTP");
            if is_valid && !query.contains("clientIpAddress") {
                return StatusCode::BAD_REQUEST.into_response();
            }
            next.run(request).await
        },
    )
    .await;
}

#[tokio::test]
async fn another_server_for_quic_is_found() {
    assert_breaks("same_server", Must, async |request: Request, next: Next| {
        let is_quic = query(&request).contains("sessionId=console&transport=QUIC");
        let response = next.run(request).await;
        if is_quic {
            return replaced(response, "ws-17", "ws-18").await;
        }
        response
    })
    .await;
}

#[tokio::test]
async fn outage_in_place_of_not_found_is_found() {
    let report = check(
        router().layer(from_fn(async |request: Request, next: Next| {
            let response = next.run(request).await;
            if response.status() == StatusCode::NOT_FOUND {
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
            response
        })),
    )
    .await;
    assert!(
        rules(&report).contains(&(Must, "unknown_session")),
        "{report}"
    );
}

#[tokio::test]
async fn redirect_is_found() {
    assert_breaks(
        "path_slashes",
        Should,
        async |request: Request, next: Next| {
            if request.uri().path() != "/resolveSession"
                && !request.uri().path().starts_with("/stage")
            {
                return Redirect::permanent("/resolveSession").into_response();
            }
            next.run(request).await
        },
    )
    .await;
}

#[tokio::test]
async fn answer_that_may_be_stored_is_found() {
    assert_breaks(
        "not_stored",
        Should,
        async |request: Request, next: Next| {
            let mut response = next.run(request).await;
            response.headers_mut().remove("cache-control");
            response
        },
    )
    .await;
}

#[tokio::test]
async fn request_id_that_is_replaced_is_found() {
    assert_breaks(
        "request_id",
        Should,
        async |request: Request, next: Next| {
            let mut response = next.run(request).await;
            let other = HeaderValue::from_static("another-one");
            response.headers_mut().insert("x-request-id", other);
            response
        },
    )
    .await;
}

#[tokio::test]
async fn missing_allowed_method_is_found() {
    assert_breaks("method", Should, async |request: Request, next: Next| {
        let mut response = next.run(request).await;
        response.headers_mut().remove("allow");
        response
    })
    .await;
}

#[tokio::test]
async fn error_in_another_media_type_is_found() {
    assert_breaks(
        "problem_document",
        Should,
        async |request: Request, next: Next| {
            let mut response = next.run(request).await;
            if response.status() != StatusCode::OK {
                let json = HeaderValue::from_static("application/json");
                response.headers_mut().insert("content-type", json);
            }
            response
        },
    )
    .await;
}

#[tokio::test]
async fn answer_that_changes_is_found() {
    let asked = Arc::new(AtomicU16::new(8000));
    let app = router().layer(from_fn(move |request: Request, next: Next| {
        let port = asked.fetch_add(1, Ordering::Relaxed).to_string();
        async move { replaced(next.run(request).await, "8443", &port).await }
    }));
    let report = check(app).await;
    assert!(rules(&report).contains(&(Must, "repeatable")), "{report}");
}

#[tokio::test]
async fn breach_shows_what_was_sent_answered_and_expected() {
    let report = check(
        router().layer(from_fn(async |request: Request, next: Next| {
            let mut response = next.run(request).await;
            response.headers_mut().remove("cache-control");
            response
        })),
    )
    .await;
    assert_eq!(
        report.to_string(),
        "should  not_stored: answers are not stored by caches in between\n        \
         sent      POST /resolveSession?sessionId=console&transport=HTTP&clientIpAddress=192.0.2.7\n        \
         answered  200, application/json, {\"SessionId\":\"console\",\"TransportProtocol\":\"HTTP\",\"DcvServerEndpoint\":\"ws-17.dcv.example\",\"Port\":8443,\"WebUrlPath\":\"/\"}\n        \
         expected  the header cache-control: no-store\n\
         broken rules: 1, of which a gateway relies on 0; 39 requests"
    );
}
