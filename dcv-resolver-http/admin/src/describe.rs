//! The operation that returns the OpenAPI document.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;

use crate::admin_state::AdminState;
use crate::query::NoQuery;

/// Returns this document.
///
/// It holds no secret and needs no token.
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    responses((status = 200, description = "An OpenAPI 3.1 document.", body = Object, content_type = "application/json")),
    security(()),
)]
pub(crate) async fn describe(
    State(admin): State<Arc<AdminState>>,
    _: NoQuery,
) -> ([(HeaderName, &'static str); 1], Bytes) {
    ([(CONTENT_TYPE, "application/json")], admin.document.clone())
}
