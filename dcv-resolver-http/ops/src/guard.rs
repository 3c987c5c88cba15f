//! [`Guard`]: who may see sessions and the decisions about them.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use dcv_resolver_authorize::{Access, AccessRequest, AuthError, Authorize, Principal};
use dcv_resolver_http::{RequestIds, X_REQUEST_ID, call_with_deadline};
use dcv_resolver_log_throttle::LogThrottle;
use tokio::time::Instant;

use crate::ops_error::OpsError;
use crate::request_log::{RequestFailure, RequestLog, log_suppressed};

const TIME_LIMIT: Duration = Duration::from_secs(5);
/// Requests that fail alike within this time after one that is logged in full are
/// counted.
const FAILURE_WINDOW: Duration = Duration::from_secs(10);

/// Answers the requests of callers that may see every session: for
/// explanations, sessions and decisions.
#[derive(Debug)]
pub(crate) struct Guard {
    authorize: Arc<dyn Authorize>,
    request_ids: RequestIds,
    failures: LogThrottle<RequestFailure>,
}

impl Guard {
    pub(crate) fn new(authorize: Arc<dyn Authorize>) -> Self {
        Self {
            authorize,
            request_ids: RequestIds::new(),
            failures: LogThrottle::new(FAILURE_WINDOW, log_suppressed),
        }
    }

    /// Answers a request to `path` with the response of `read`, which is not
    /// called for a caller that is not allowed, and is dropped after 5 s. Logs
    /// errors, and what `read` adds to the log.
    pub(crate) async fn answer(
        &self,
        path: &'static str,
        parts: &Parts,
        read: impl AsyncFnOnce(&mut RequestLog) -> Result<Response, OpsError>,
    ) -> Response {
        let access = AccessRequest::new(&parts.headers, &parts.extensions, Access::Read);
        let request_id = self.request_ids.id_for(&parts.headers);
        let mut log = RequestLog::new(path, request_id.clone(), access.peer());
        let result = self.read(&access, &mut log, read).await;
        match &result {
            // A stranger can cause any number of them.
            Err(error) if log.principal.is_none() || error.is_refused() => {
                if self.failures.allows(RequestFailure::new(path, error)) {
                    log.log_error(error);
                }
            }
            Err(error) => log.log_error(error),
            Ok(_) => log.log_conclusion(),
        }
        let headers = [
            (X_REQUEST_ID, request_id.into()),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        (headers, result).into_response()
    }

    async fn read(
        &self,
        access: &AccessRequest<'_>,
        log: &mut RequestLog,
        read: impl AsyncFnOnce(&mut RequestLog) -> Result<Response, OpsError>,
    ) -> Result<Response, OpsError> {
        let started = log.started();
        // First, so that a stranger learns nothing from errors in the query.
        self.check_caller(started, access, &mut log.principal)
            .await?;
        call_with_deadline(started, TIME_LIMIT, read(log)).await?
    }

    /// Checks that the caller may see every session. Sets `principal` as soon as
    /// it is known, for the log.
    async fn check_caller(
        &self,
        started: Instant,
        access: &AccessRequest<'_>,
        principal: &mut Option<Principal>,
    ) -> Result<(), OpsError> {
        let authorizing = async { self.authorize.authorize(access).await };
        let authorized = call_with_deadline(started, TIME_LIMIT, authorizing).await??;
        let is_limited = authorized.scope.is_limited();
        *principal = Some(authorized);
        if is_limited {
            let detail =
                "the caller is limited to some sessions, but this response shows others as well";
            return Err(AuthError::Forbidden(detail.into()).into());
        }
        Ok(())
    }
}
