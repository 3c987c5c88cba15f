//! [`RequestContext`]: what the extractors and handlers of one request share.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use axum::extract::FromRequestParts;
use axum::http::Extensions;
use axum::http::request::Parts;
use dcv_resolver_core::{Expiry, Host, SessionId};

use crate::deadline::Deadline;

/// What the extractors and handlers of one request share. [`Endpoint`] adds it
/// to the request's extensions.
///
/// [`Endpoint`]: crate::endpoint::Endpoint
#[derive(Debug, Clone)]
pub(crate) struct RequestContext {
    pub(crate) deadline: Deadline,
    pub(crate) subject: Arc<Subject>,
}

/// What the request is about, for the log, as far as it has been read.
#[derive(Debug, Default)]
pub(crate) struct Subject {
    pub(crate) session_id: OnceLock<SessionId>,
    /// Where the session is to lead.
    pub(crate) host: OnceLock<Host>,
    /// When the session is to expire.
    pub(crate) expiry: OnceLock<Expiry>,
}

impl RequestContext {
    #[expect(clippy::expect_used, reason = "every route has an endpoint around it")]
    pub(crate) fn of(extensions: &Extensions) -> &Self {
        extensions
            .get()
            .expect("every route has an endpoint around it, which adds the context")
    }
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions).clone())
    }
}
