//! [`Authenticator`]: identifies the caller of a request, and logs failures.

use std::net::IpAddr;
use std::time::Duration;

use dcv_resolver_authorize::{Access, AccessRequest, AuthError, Authorize, Principal};
use dcv_resolver_log_throttle::{LogThrottle, Suppressed};
use tracing::field::DisplayValue;

use crate::admin_error::{AdminError, escaped_error};
use crate::deadline::{self, Deadline};

/// Requests that fail alike within this time after one that is logged in full are
/// counted.
const FAILURE_WINDOW: Duration = Duration::from_secs(10);

/// Identifies the caller of a request, and logs failures.
#[derive(Debug)]
pub(crate) struct Authenticator {
    authorize: Box<dyn Authorize>,
    /// One kind for each reason: a stranger can cause any number of failures.
    failures: LogThrottle<&'static str>,
}

/// A caller that may use the API.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    /// Why the caller may not write, if it wants to and may only read.
    pub(crate) read_only: Option<AuthError>,
}

impl Authenticator {
    pub(crate) fn new(authorize: impl Authorize) -> Self {
        Self {
            authorize: Box::new(authorize),
            failures: LogThrottle::new(FAILURE_WINDOW, log_suppressed),
        }
    }

    /// Returns who sent the request.
    pub(crate) async fn caller(
        &self,
        request: &AccessRequest<'_>,
        deadline: Deadline,
        request_id: &str,
    ) -> Result<Caller, AdminError> {
        let error = match self.authorize(request, deadline, request_id).await? {
            Ok(principal) => {
                return Ok(Caller {
                    principal,
                    read_only: None,
                });
            }
            Err(error) => error,
        };
        // The audit event of a refused change names the caller.
        if request.access == Access::Write && matches!(error, AuthError::Forbidden(_)) {
            let mut reading = *request;
            reading.access = Access::Read;
            if let Ok(principal) = self.authorize(&reading, deadline, request_id).await? {
                return Ok(Caller {
                    principal,
                    read_only: Some(error),
                });
            }
        }
        if let AuthError::Unavailable(_) = error {
            let cause = escaped_error(&error.to_string());
            self.log_failed(error.reason(), Some(&cause), request, request_id);
        } else if self.failures.allows(error.reason()) {
            tracing::warn!(
                target: "dcv_resolver::admin",
                reason = error.reason(),
                caller = caller_ip(request),
                request_id,
                detail = %error,
                "a request was refused",
            );
        }
        Err(AdminError::Refused(error))
    }

    async fn authorize(
        &self,
        request: &AccessRequest<'_>,
        deadline: Deadline,
        request_id: &str,
    ) -> Result<Result<Principal, AuthError>, AdminError> {
        let authorizing = async { self.authorize.authorize(request).await };
        deadline.call(authorizing).await.map_err(|interrupted| {
            let cause = deadline::cause(&interrupted).map(|cause| escaped_error(&cause));
            let reason = deadline::reason(&interrupted);
            self.log_failed(reason, cause.as_deref(), request, request_id);
            AdminError::AuthorizationFailed(interrupted)
        })
    }

    fn log_failed(
        &self,
        reason: &'static str,
        error: Option<&str>,
        request: &AccessRequest<'_>,
        request_id: &str,
    ) {
        if self.failures.allows(reason) {
            tracing::error!(
                target: "dcv_resolver::admin",
                reason,
                caller = caller_ip(request),
                request_id,
                error,
                "the caller could not be authorized",
            );
        }
    }
}

fn caller_ip(request: &AccessRequest<'_>) -> Option<DisplayValue<IpAddr>> {
    request
        .peer()
        .map(|peer| tracing::field::display(peer.ip().to_canonical()))
}

fn log_suppressed(reason: &&'static str, suppressed: Suppressed) {
    tracing::warn!(
        target: "dcv_resolver::admin",
        reason,
        suppressed = suppressed.count,
        "similar requests suppressed",
    );
}
