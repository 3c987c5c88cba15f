//! Reads a JSON body.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::fault::{Fault, MAX_BODY_BYTES};

/// Reads `body` as JSON, within `time`. Where it fails, part of the body may
/// be left.
pub(super) async fn read_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: &mut Body,
    time: Duration,
) -> Result<T, Fault> {
    if !is_json(headers) {
        return Err(Fault::NotJson);
    }
    // Not even asked for: a client that waits for `100 Continue` keeps it.
    if body.size_hint().lower() > MAX_BODY_BYTES as u64 {
        return Err(Fault::BodyTooLong);
    }
    let reading = Limited::new(body, MAX_BODY_BYTES).collect();
    match tokio::time::timeout(time, reading).await {
        Ok(Ok(body)) => parse(&body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Fault::BodyTooLong),
        Ok(Err(_)) => Err(Fault::malformed("body", "the body breaks off")),
        Err(_elapsed) => Err(Fault::BodyTimeout),
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

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Fault> {
    // An array would be read as well, its elements taken for the fields in
    // their order.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Fault::malformed("body", "the body must be a JSON object"));
    }
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let told = error.to_string();
        // Where it is stands first, so that it is not cut off.
        let told = told
            .strip_suffix(&format!(" at line {line} column {column}"))
            .unwrap_or(&told);
        Fault::malformed(
            "body",
            format!("the body at line {line}, column {column}: {told}"),
        )
    })
}
