//! [`RequestContext`]: what the extractors and handlers of one request share.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use axum::extract::FromRequestParts;
use axum::http::Extensions;
use axum::http::request::Parts;
use dcv_resolver_authorize::{Principal, Scope};
use dcv_resolver_core::{Expiry, Host, SessionId};

use crate::admin_error::AdminError;
use crate::deadline::Deadline;

/// What the extractors and handlers of one request share. [`Endpoint`] adds it
/// to the request's extensions.
///
/// [`Endpoint`]: crate::endpoint::Endpoint
#[derive(Debug, Clone)]
pub(crate) struct RequestContext {
    pub(crate) deadline: Deadline,
    pub(crate) subject: Arc<Subject>,
    /// The caller, unless the operation is open to strangers.
    pub(crate) principal: Option<Principal>,
}

/// What the request is about, for the log, as far as it has been read.
#[derive(Debug, Default)]
pub(crate) struct Subject {
    pub(crate) session_id: OnceLock<SessionId>,
    /// Where the session is to lead.
    pub(crate) host: OnceLock<Host>,
    /// When the session is to expire.
    pub(crate) expiry: OnceLock<Expiry>,
    /// Whether the session is removed without its lease token.
    pub(crate) overrides_lease: OnceLock<bool>,
}

impl RequestContext {
    /// Returns whether the caller may remove sessions without their lease tokens.
    pub(crate) fn may_override_leases(&self) -> bool {
        let principal = self.principal.as_ref();
        principal.is_some_and(|principal| principal.overrides_leases)
    }

    /// Refuses a caller that is limited to other ids.
    pub(crate) fn check_id(&self, id: &SessionId) -> Result<(), AdminError> {
        self.check(
            |scope| scope.allows_id(id),
            "the caller is limited to other session ids; those of a token are in the token file, after ids=",
        )
    }

    /// Refuses a caller that is limited to other hosts.
    pub(crate) fn check_host(&self, host: &Host) -> Result<(), AdminError> {
        self.check(
            |scope| scope.allows_host(host),
            "the caller is limited to sessions on other hosts; those of a token are in the token file, after hosts=",
        )
    }

    /// Refuses a caller that is limited to some hosts, whatever they are.
    pub(crate) fn check_any_host(&self) -> Result<(), AdminError> {
        self.check(
            |scope| !scope.is_limited_to_hosts(),
            "the caller is limited to sessions on some hosts, and that of this session cannot be read",
        )
    }

    /// Refuses a caller that is limited to some sessions.
    pub(crate) fn check_unlimited(&self) -> Result<(), AdminError> {
        self.check(
            |scope| !scope.is_limited(),
            "the caller is limited to some sessions and cannot list them; read one at /v1/sessions/{id}",
        )
    }

    fn check(
        &self,
        is_allowed: impl FnOnce(&Scope) -> bool,
        otherwise: &'static str,
    ) -> Result<(), AdminError> {
        match &self.principal {
            Some(principal) if !is_allowed(&principal.scope) => {
                Err(AdminError::OutOfScope(otherwise))
            }
            _ => Ok(()),
        }
    }

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
