//! [`SessionPath`]: the session id in a path.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use dcv_resolver_core::SessionId;
use dcv_resolver_http::percent::decode_path;
use utoipa::IntoParams;

use crate::admin_error::AdminError;
use crate::request_context::RequestContext;
use crate::schemas;

/// The session id in `/v1/sessions/{id}` and below.
///
/// It is decoded once and strictly, so that two paths never become one id.
/// axum's own extractor lets a stray `%` pass.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct SessionPath {
    /// The session's id, percent-encoded; a / in it is written as %2F.
    #[param(value_type = schemas::SessionId)]
    pub(crate) id: SessionId,
}

impl<S: Sync> FromRequestParts<S> for SessionPath {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AdminError> {
        // "", "v1", "sessions", the id.
        let raw = parts.uri.path().split('/').nth(3);
        let id = parse(raw.ok_or(AdminError::NoSuchPath)?)?;
        let context = RequestContext::of(&parts.extensions);
        context.subject.session_id.get_or_init(|| id.clone());
        context.check_id(&id)?;
        Ok(Self { id })
    }
}

fn parse(raw: &str) -> Result<SessionId, AdminError> {
    let malformed = |detail: String| AdminError::malformed("id", detail);
    let id = decode_path(raw)
        .map_err(|error| malformed(format!("the session id in the path is {error}")))?;
    SessionId::new(id).map_err(|error| malformed(error.to_string()))
}
