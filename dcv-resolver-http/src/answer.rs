//! What the answers of all routers have in common.

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE};
use axum::response::Response;

use crate::request_id::X_REQUEST_ID;

/// An answer of this type, with the status 200.
pub(crate) fn with_type(content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Adds what every answer says, and that the connection ends where the
/// request's body was not read to its end.
pub(crate) fn finished(
    mut response: Response,
    request_id: HeaderValue,
    body_ended: bool,
) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_REQUEST_ID, request_id);
    if !body_ended {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
