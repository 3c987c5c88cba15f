//! [`AuditRecord`]: one log event for each request that changes or reads
//! something.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use axum::http::StatusCode;
use dcv_resolver_authorize::Principal;
use dcv_resolver_core::escape::escaped;
use dcv_resolver_core::{Expiry, Host};
use tracing::{Level, field};

use crate::admin_error::AdminError;
use crate::admin_state::AdminState;
use crate::deadline::Deadline;
use crate::operation::Operation;
use crate::request_context::Subject;

/// The maximum length of an id, so that only an id with many escapes is
/// truncated.
const MAX_FIELD_BYTES: usize = 256;

/// A request to log. If it is dropped before it is finished, the caller closed
/// the connection: a change may or may not have been made.
#[derive(Debug)]
pub(crate) struct AuditRecord<'a> {
    pub(crate) state: &'a AdminState,
    pub(crate) operation: &'a Operation,
    pub(crate) principal: Option<Principal>,
    pub(crate) caller_ip: Option<IpAddr>,
    pub(crate) request_id: &'a str,
    pub(crate) deadline: Deadline,
    pub(crate) subject: Arc<Subject>,
    pub(crate) is_finished: bool,
}

impl AuditRecord<'_> {
    /// Logs the event.
    pub(crate) fn finish(mut self, error: Option<&AdminError>) {
        self.is_finished = true;
        let outcome = error.map_or("done", AdminError::outcome);
        self.end(outcome, error);
    }

    fn end(&self, outcome: &'static str, error: Option<&AdminError>) {
        self.log(outcome, error);
        self.state.observe(&self.operation.name, outcome);
    }

    /// Formats nothing for an event that no subscriber wants: the macro
    /// evaluates its fields only if one does.
    fn log(&self, outcome: &str, error: Option<&AdminError>) {
        let principal = self.principal.as_ref();
        // The target and the level of an event are constants, hence one macro
        // call for each combination.
        macro_rules! event {
            ($target:literal, $level:expr) => {
                tracing::event!(
                    target: $target,
                    $level,
                    action = self.operation.name,
                    session_id = self
                        .subject
                        .session_id
                        .get()
                        .map(|id| escaped(id.as_str(), MAX_FIELD_BYTES))
                        .as_deref(),
                    host = self.subject.host.get().map(Host::as_str),
                    expires_at = self
                        .subject
                        .expiry
                        .get()
                        .map(|&expiry| field::display(DisplayExpiry(expiry))),
                    lease_overridden = self.subject.overrides_lease.get().copied(),
                    principal = principal
                        .map(|principal| escaped(&principal.name, MAX_FIELD_BYTES))
                        .as_deref(),
                    role = principal
                        .and_then(|principal| principal.role.as_deref())
                        .map(|role| escaped(role, MAX_FIELD_BYTES))
                        .as_deref(),
                    caller = self.caller_ip.map(field::display),
                    outcome,
                    reason = error.map(AdminError::reason),
                    status = error.map(AdminError::status).map(|status: StatusCode| status.as_u16()),
                    elapsed_us = u64::try_from(self.deadline.elapsed().as_micros()).unwrap_or(u64::MAX),
                    request_id = self.request_id,
                    detail = error.map(AdminError::detail).as_deref(),
                    error = error.and_then(AdminError::cause),
                )
            };
        }
        match (self.operation.is_change(), outcome) {
            (true, "done") => event!("dcv_resolver::audit", Level::INFO),
            (true, "failed") => event!("dcv_resolver::audit", Level::ERROR),
            (true, _) => event!("dcv_resolver::audit", Level::WARN),
            (false, "failed") => event!("dcv_resolver::admin", Level::ERROR),
            (false, _) => event!("dcv_resolver::admin", Level::DEBUG),
        }
    }
}

impl Drop for AuditRecord<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            self.end("abandoned", None);
        }
    }
}

/// Displays as a time, or as `never`.
struct DisplayExpiry(Expiry);

impl fmt::Display for DisplayExpiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Expiry::At(time) => time.fmt(f),
            Expiry::Never => f.write_str("never"),
        }
    }
}
