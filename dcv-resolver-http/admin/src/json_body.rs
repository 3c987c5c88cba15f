//! [`JsonBody`]: the JSON object that a request carries.

use axum::body::{Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::admin_error::{AdminError, MAX_BODY_BYTES};
use crate::request_context::RequestContext;

/// The JSON object that a request carries, read within its time budget.
///
/// axum's own extractor takes an array for an object, other types for JSON, and
/// any time.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = AdminError;

    async fn from_request(request: Request, _: &S) -> Result<Self, AdminError> {
        if !is_json(request.headers()) {
            return Err(AdminError::NotJson);
        }
        let deadline = RequestContext::of(request.extensions()).deadline;
        let body = request.into_body();
        // Not even asked for: a client that waits for `100 Continue` keeps it.
        if body.size_hint().lower() > MAX_BODY_BYTES as u64 {
            return Err(AdminError::BodyTooLong);
        }
        let reading = Limited::new(body, MAX_BODY_BYTES).collect();
        match tokio::time::timeout(deadline.time_left(), reading).await {
            Ok(Ok(body)) => parse(&body.to_bytes()).map(Self),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(AdminError::BodyTooLong),
            Ok(Err(_)) => Err(AdminError::malformed("body", "the body is incomplete")),
            Err(_elapsed) => Err(AdminError::BodyTimeout),
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let is = |name: HeaderName, expected: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.map(|value| {
            let essence = value.split(';').next().unwrap_or_default();
            essence.trim_ascii().eq_ignore_ascii_case(expected)
        })
    };
    is(CONTENT_TYPE, "application/json").unwrap_or(false)
        && (!headers.contains_key(CONTENT_ENCODING)
            || is(CONTENT_ENCODING, "identity").unwrap_or(false))
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, AdminError> {
    // serde would take the elements of an array for the fields in their order.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(AdminError::malformed(
            "body",
            "the body must be a JSON object",
        ));
    }
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        // The place comes first, so that it is not cut off.
        let message = message
            .strip_suffix(&format!(" at line {line} column {column}"))
            .unwrap_or(&message);
        AdminError::malformed(
            "body",
            format!("the body at line {line}, column {column}: {message}"),
        )
    })
}
