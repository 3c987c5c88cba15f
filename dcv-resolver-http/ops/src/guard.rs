//! [`Guard`]: what the data of the page share: who may read them, and how many
//! requests at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use dcv_resolver_authorize::{Access, AccessRequest, Authorize, Principal};
use dcv_resolver_core::escape::escaped;
use dcv_resolver_http::{RequestIds, X_REQUEST_ID, call_with_deadline, request_id_text};
use dcv_resolver_log_throttle::{LogThrottle, Suppressed};
use serde::Serialize;
use tokio::time::Instant;
use tracing::field;

use crate::caller::check_caller;
use crate::durations::as_ms;
use crate::ops_error::OpsError;
use crate::turns::Turns;

const TIME_LIMIT: Duration = Duration::from_secs(5);
/// How long refused requests are counted after one that is logged in full.
const REFUSAL_WINDOW: Duration = Duration::from_secs(10);
const MAX_FIELD_BYTES: usize = 256;
const MAX_ERROR_BYTES: usize = 1024;

/// Answers requests to one path, for the callers that may have an explanation.
#[derive(Debug)]
pub(crate) struct Guard {
    authorize: Arc<dyn Authorize>,
    request_ids: RequestIds,
    turns: Turns,
    refusals: LogThrottle<()>,
}

impl Guard {
    pub(crate) fn new(authorize: Arc<dyn Authorize>) -> Self {
        Self {
            authorize,
            request_ids: RequestIds::new(),
            turns: Turns::new(),
            refusals: LogThrottle::new(REFUSAL_WINDOW, |(), suppressed| log_suppressed(suppressed)),
        }
    }

    /// Answers with what `read` returns, as JSON. One call of `read` runs at a
    /// time, and none for a caller that is not allowed.
    #[expect(
        clippy::expect_used,
        reason = "what is read has string keys and no other writer than memory"
    )]
    pub(crate) async fn answer<T: Serialize>(
        &self,
        parts: &Parts,
        read: impl Future<Output = Result<T, OpsError>>,
    ) -> Response {
        let access = AccessRequest::new(&parts.headers, &parts.extensions, Access::Read);
        let request_id = self.request_ids.id_for(&parts.headers);
        let mut principal = None;
        let result = self.read(&access, &mut principal, read).await;
        let response = result
            .map(|value| {
                let json = serde_json::to_vec(&value).expect("it serializes");
                ([(CONTENT_TYPE, "application/json")], json)
            })
            .inspect_err(|error| {
                if !error.is_refused() || self.refusals.allows(()) {
                    let path = parts.uri.path();
                    log(path, error, principal.as_ref(), access.peer(), &request_id);
                }
            });
        let headers = [
            (X_REQUEST_ID, request_id),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        (headers, response).into_response()
    }

    async fn read<T>(
        &self,
        access: &AccessRequest<'_>,
        principal: &mut Option<Principal>,
        read: impl Future<Output = Result<T, OpsError>>,
    ) -> Result<T, OpsError> {
        let started = Instant::now();
        check_caller(&*self.authorize, access, started, TIME_LIMIT, principal).await?;
        let reading = async {
            let _turn = self.turns.take().await.ok_or(OpsError::TooMany)?;
            read.await
        };
        call_with_deadline(started, TIME_LIMIT, reading).await?
    }
}

/// Logs why a request was not answered.
fn log(
    path: &str,
    error: &OpsError,
    principal: Option<&Principal>,
    peer: Option<SocketAddr>,
    request_id: &HeaderValue,
) {
    tracing::warn!(
        target: "dcv_resolver::operators",
        path,
        outcome = error.outcome(),
        reason = error.reason(),
        principal = principal
            .map(|principal| escaped(&principal.name, MAX_FIELD_BYTES))
            .as_deref(),
        peer = peer.map(field::display),
        status = error.status().as_u16(),
        request_id = request_id_text(request_id),
        error = error
            .cause()
            .map(|error| escaped(&error, MAX_ERROR_BYTES).into_owned()),
        "an operator's request was not answered",
    );
}

fn log_suppressed(suppressed: Suppressed) {
    tracing::warn!(
        target: "dcv_resolver::operators",
        outcome = "refused",
        suppressed = suppressed.count,
        window_ms = as_ms(suppressed.window),
        "more requests were refused",
    );
}
