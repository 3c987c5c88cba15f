//! A resolver that behaves as the sample in AWS's guide does, with what its web
//! framework adds.
//!
//! Source: Amazon DCV Connection Gateway Administrator Guide, "Setting up a
//! Session Resolver".

use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use dcv_resolver_doctor::contract::Level::{self, Must, Should};

use crate::serve::{check, rules};

async fn resolver(method: Method, uri: Uri) -> Response {
    let page = |status: StatusCode| (status, Html("<!doctype html>")).into_response();
    // The framework merges slashes with a redirect, and knows no prefix.
    if uri.path() == "//resolveSession" {
        return (
            StatusCode::PERMANENT_REDIRECT,
            [("location", "/resolveSession")],
        )
            .into_response();
    }
    if uri.path() != "/resolveSession" {
        return page(StatusCode::NOT_FOUND);
    }
    if method != Method::POST {
        let allow = [("allow", "POST, OPTIONS")];
        return (
            StatusCode::METHOD_NOT_ALLOWED,
            allow,
            Html("<!doctype html>"),
        )
            .into_response();
    }
    // The first of several values counts, and nothing is strict.
    let query = uri.query().unwrap_or_default();
    let value = |wanted: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find_map(|(name, value)| (name == wanted).then_some(value))
    };
    let Some(session_id) = value("sessionId") else {
        return (StatusCode::BAD_REQUEST, "Missing sessionId parameter").into_response();
    };
    let transport = value("transport");
    if transport.is_some_and(|it| it != "HTTP" && it != "QUIC") {
        return (StatusCode::BAD_REQUEST, "Invalid transport parameter").into_response();
    }
    // It concatenates what may be missing.
    let (Some(transport), Some(_)) = (transport, value("clientIpAddress")) else {
        return page(StatusCode::INTERNAL_SERVER_ERROR);
    };
    if session_id != "console" {
        return (StatusCode::NOT_FOUND, "Session id not found").into_response();
    }
    let port = if transport == "HTTP" { 8443 } else { 8444 };
    Html(format!(
        r#"{{"SessionId": "console", "TransportProtocol": "{transport}", "DcvServerEndpoint": "ws-17.dcv.example", "Port": {port}, "WebUrlPath": "/"}}"#
    ))
    .into_response()
}

/// What the sample breaks.
pub(crate) const BROKEN: [(Level, &str); 13] = [
    (Must, "client_ip_absent"),
    (Should, "content_type"),
    (Should, "control_characters"),
    (Should, "id_length"),
    (Should, "not_stored"),
    (Should, "parameter_twice"),
    (Should, "path_prefix"),
    (Should, "path_slashes"),
    (Should, "percent_encoding"),
    (Should, "problem_document"),
    (Should, "request_id"),
    (Should, "session_id_required"),
    (Should, "transport_absent"),
];

#[tokio::test]
async fn what_the_sample_breaks_is_found() {
    let report = check(Router::new().fallback(resolver)).await;
    let broken: Vec<_> = rules(&report).into_iter().collect();
    assert_eq!(broken, BROKEN, "{report}");
}
