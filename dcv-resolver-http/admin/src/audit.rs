//! The log: one event for each attempt to change something, and one for each
//! look.

use std::fmt;
use std::net::IpAddr;

use axum::http::StatusCode;
use dcv_resolver_core::{Expiry, Host, SessionId};
use tokio::time::Instant;
use tracing::{Level, field};

use super::action::Action;
use super::fault::Fault;
use super::role::Principal;
use dcv_resolver_core::escape::escaped;

/// As long as an id can be, so that only one full of escapes is cut.
const MAX_FIELD_BYTES: usize = 256;
/// A chain of errors may be longer.
const MAX_ERROR_BYTES: usize = 1024;

/// Who asked for what. When it is dropped without an outcome, the caller went
/// away before.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    pub(super) action: Action,
    pub(super) holder: Option<&'a Principal>,
    pub(super) caller_ip: Option<IpAddr>,
    pub(super) request_id: &'a str,
    pub(super) started: Instant,
    /// Once it is read.
    pub(super) session_id: Option<SessionId>,
    /// Where the session is to lead, once that is read.
    pub(super) host: Option<Host>,
    /// Until when it is to live, once that is read.
    pub(super) expiry: Option<Expiry>,
    pub(super) is_told: bool,
}

impl Attempt<'_> {
    /// Leaves the event.
    pub(super) fn tell<T>(mut self, result: &Result<T, Fault>) {
        self.is_told = true;
        match result {
            Ok(_) => self.log("done", None),
            Err(fault) if fault.status().is_server_error() => self.log("failed", Some(fault)),
            Err(fault) => self.log("refused", Some(fault)),
        }
    }

    /// Nothing is formatted for an event that nobody wants: the macro
    /// evaluates its fields only for a subscriber that listens.
    fn log(&self, outcome: &str, fault: Option<&Fault>) {
        // An event's target and level are fixed where it stands, hence one for
        // each.
        macro_rules! event {
            ($target:literal, $level:expr) => {
                tracing::event!(
                    target: $target,
                    $level,
                    action = self.action.as_str(),
                    session_id = self
                        .session_id
                        .as_ref()
                        .map(|id| escaped(id.as_str(), MAX_FIELD_BYTES))
                        .as_deref(),
                    host = self.host.as_ref().map(Host::as_str),
                    expires_at = self.expiry.map(Until).map(field::display),
                    token_name = self.holder.map(Principal::name),
                    role = self.holder.map(|holder| holder.role().as_str()),
                    caller_ip = self.caller_ip.map(field::display),
                    outcome,
                    reason = fault.map(Fault::reason),
                    status = fault.map(Fault::status).map(|status: StatusCode| status.as_u16()),
                    elapsed_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
                    request_id = self.request_id,
                    detail = fault.map(Fault::detail).as_deref(),
                    error = fault
                        .and_then(Fault::cause)
                        .map(|cause| escaped(&cause, MAX_ERROR_BYTES).into_owned()),
                )
            };
        }
        match (self.action.is_change(), outcome) {
            (true, "done") => event!("dcv_resolver::audit", Level::INFO),
            (true, "failed") => event!("dcv_resolver::audit", Level::ERROR),
            (true, _) => event!("dcv_resolver::audit", Level::WARN),
            (false, "failed") => event!("dcv_resolver::admin", Level::ERROR),
            (false, _) => event!("dcv_resolver::admin", Level::DEBUG),
        }
    }
}

/// Displays as a time, or as `never`.
struct Until(Expiry);

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Expiry::At(time) => time.fmt(f),
            Expiry::Never => f.write_str("never"),
        }
    }
}

/// A change whose caller goes away in the middle may have been made.
impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.is_told {
            self.log("abandoned", None);
        }
    }
}
