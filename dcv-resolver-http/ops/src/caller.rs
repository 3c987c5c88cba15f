//! [`check_caller`]: who may see sessions, and the decisions about them.

use std::time::Duration;

use dcv_resolver_authorize::{AccessRequest, AuthError, Authorize, Principal};
use dcv_resolver_http::call_with_deadline;
use tokio::time::Instant;

use crate::ops_error::OpsError;

/// Checks that the caller of a request that began at `started` may see every
/// session. Sets `principal` as soon as it is known, for the log.
///
/// # Errors
///
/// [`OpsError::Auth`], when the caller may not; [`OpsError::Problem`], when
/// `authorize` panics or takes longer than `time_limit`.
pub(crate) async fn check_caller(
    authorize: &dyn Authorize,
    access: &AccessRequest<'_>,
    started: Instant,
    time_limit: Duration,
    principal: &mut Option<Principal>,
) -> Result<(), OpsError> {
    let authorizing = async { authorize.authorize(access).await };
    let authorized = call_with_deadline(started, time_limit, authorizing).await??;
    let is_limited = authorized.scope.is_limited();
    *principal = Some(authorized);
    if is_limited {
        let detail =
            "the caller is limited to some sessions, but this response shows others as well";
        return Err(AuthError::Forbidden(detail.into()).into());
    }
    Ok(())
}
