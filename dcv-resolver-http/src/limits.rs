//! [`Limits`]: refuses a request before a byte of its query is read.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::Uri;
use tokio::sync::SemaphorePermit;

use crate::callers::AllowedCallers;
use crate::in_flight::InFlightLimit;
use crate::problem::Problem;
use crate::rate_limit::CallerLimits;

#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) allowed_callers: AllowedCallers,
    pub(crate) caller_limits: Option<CallerLimits>,
    pub(crate) in_flight: Arc<InFlightLimit>,
}

impl Limits {
    /// Returns a permit to decide the request.
    ///
    /// The caller's network is checked first, so that a caller that is not
    /// allowed learns nothing, not even which paths exist. The rate limit
    /// follows and applies to every path, since a wrong path is logged as well.
    /// A wrong path is answered as fast as a refusal, so it takes no permit.
    pub(crate) fn admit(
        &self,
        caller: Option<IpAddr>,
        uri: &Uri,
    ) -> Result<SemaphorePermit<'_>, Problem> {
        if !self.allowed_callers.allow(caller) {
            return Err(Problem::CallerNotAllowed(caller));
        }
        if let Some(limits) = &self.caller_limits
            && !limits.allow(caller)
        {
            return Err(Problem::RateLimited);
        }
        if !is_resolve_path(uri.path()) {
            return Err(Problem::NoSuchPath);
        }
        self.in_flight.try_enter().ok_or(Problem::Overloaded)
    }
}

/// Returns whether the last segment that is not empty is `resolveSession`:
/// below any prefix, with any number of slashes.
fn is_resolve_path(path: &str) -> bool {
    path.trim_end_matches('/')
        .strip_suffix("resolveSession")
        .is_some_and(|before| before.is_empty() || before.ends_with('/'))
}
