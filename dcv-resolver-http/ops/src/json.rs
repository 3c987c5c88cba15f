//! [`json`]: a response of JSON.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Returns a response with `value` as JSON.
#[expect(
    clippy::expect_used,
    reason = "the values of this crate have string keys and no other writer than memory"
)]
pub(crate) fn json(value: &impl Serialize) -> Response {
    let json = serde_json::to_vec(value).expect("string keys, written to memory, serialize");
    ([(CONTENT_TYPE, "application/json")], json).into_response()
}
