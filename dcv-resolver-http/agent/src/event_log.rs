//! [`EventLog`]: what happens to an agent, in the log, without flooding it.

use std::error::Error;
use std::io;
use std::path::Path;
use std::time::Duration;

use dcv_resolver_core::escape::escaped;
use dcv_resolver_core::{ErrorChain, SessionId};
use dcv_resolver_dcv_config::ConfigFileError;
use dcv_resolver_log_throttle::LogThrottle;

use crate::dcv_command::DcvCommandError;

/// How long a failure that repeats is only counted.
const WINDOW: Duration = Duration::from_secs(600);

/// Logs failures: the first of each kind in full, and those of the next ten
/// minutes as one event with their number.
#[derive(Debug, Clone)]
pub(crate) struct EventLog(LogThrottle<&'static str>);

impl EventLog {
    pub(crate) fn new() -> Self {
        Self(LogThrottle::new(WINDOW, |kind, suppressed| {
            tracing::warn!(
                target: "dcv_resolver::agent",
                kind,
                suppressed = suppressed.count,
                "repeated",
            );
        }))
    }

    /// Logs that the sessions cannot be listed.
    pub(crate) fn not_listed(&self, error: &DcvCommandError) {
        let kind = error.kind();
        if self.0.allows(kind) {
            let error = chain(error);
            tracing::warn!(target: "dcv_resolver::agent", kind, error, "cannot list the sessions; those that are registered are kept");
        }
    }

    pub(crate) fn listed_again(&self) {
        if self.0.allows("listed_again") {
            tracing::info!(target: "dcv_resolver::agent", "the sessions can be listed again");
        }
    }

    /// Logs that the sessions could not be listed for so long that they are now
    /// UNKNOWN.
    pub(crate) fn lost_sight(&self, sessions: usize) {
        if self.0.allows("unknown") {
            tracing::warn!(target: "dcv_resolver::agent", sessions, "for two intervals, the sessions could not be listed or the configuration of the DCV server could not be used; until both work again, the sessions are registered as UNKNOWN and are not resolved");
        }
    }

    /// Logs that the resolver or the store is unavailable, for this session at
    /// least.
    pub(crate) fn unavailable(&self, id: &SessionId, error: &(dyn Error + 'static)) {
        let kind = "unavailable";
        if self.0.allows(kind) {
            let session_id = shown(id.as_str());
            let error = chain(error);
            tracing::warn!(target: "dcv_resolver::agent", kind, session_id, error, "a session cannot be registered now; the agent will try again");
        }
    }

    pub(crate) fn available_again(&self) {
        if self.0.allows("available_again") {
            tracing::info!(target: "dcv_resolver::agent", "the sessions can be registered again");
        }
    }

    /// Logs that it is unknown where the DCV server listens.
    pub(crate) fn dcv_config(&self, error: &ConfigFileError) {
        let kind = "dcv_config";
        if self.0.allows(kind) {
            let error = chain(error);
            tracing::warn!(target: "dcv_resolver::agent", kind, error, "cannot use the configuration of the DCV server; the last valid one applies, if there was one");
        }
    }

    /// Logs that a restart would not know what is registered.
    pub(crate) fn not_remembered(&self, path: &Path, error: &io::Error) {
        let kind = "not_remembered";
        if self.0.allows(kind) {
            let (path, error) = (path.display(), chain(error));
            tracing::warn!(target: "dcv_resolver::agent", kind, %path, error, "cannot read or write the file of registered sessions; if the agent is restarted while the sessions cannot be listed, it will not renew them");
        }
    }

    /// Logs a failure that concerns one session.
    pub(crate) fn session_failed(
        &self,
        kind: &'static str,
        session: &str,
        error: &(dyn Error + 'static),
    ) {
        if self.0.allows(kind) {
            let session_id = shown(session);
            let error = chain(error);
            tracing::warn!(target: "dcv_resolver::agent", kind, session_id, error, "a session is not registered");
        }
    }

    pub(crate) fn lease_lost(&self, id: &SessionId) {
        if self.0.allows("lease_lost") {
            let session_id = shown(id.as_str());
            tracing::warn!(target: "dcv_resolver::agent", session_id, "the lease was lost; the session is registered again");
        }
    }

    pub(crate) fn duplicate(&self, id: &SessionId) {
        if self.0.allows("duplicate") {
            let session_id = shown(id.as_str());
            tracing::warn!(target: "dcv_resolver::agent", session_id, "two sessions of this server have this id, and only the first is registered; use an id template with {{session}}");
        }
    }
}

/// Logs that another owner holds the id. Callers log it once for each session.
pub(crate) fn held_by_another(id: &SessionId) {
    let session_id = shown(id.as_str());
    tracing::warn!(target: "dcv_resolver::agent", session_id, "a live session with this id is registered under another lease, and is left alone; if each server has a session of this name, use an id template such as {{session}}@{{host}}");
}

pub(crate) fn registered(id: &SessionId) {
    tracing::info!(target: "dcv_resolver::agent", session_id = shown(id.as_str()), "registered");
}

pub(crate) fn deregistered(id: &SessionId) {
    tracing::info!(target: "dcv_resolver::agent", session_id = shown(id.as_str()), "deregistered");
}

fn shown(id: &str) -> String {
    escaped(id, SessionId::MAX_BYTES).into_owned()
}

/// Returns an error and its sources as one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    const MAX_BYTES: usize = 1024;
    escaped(&ErrorChain::new(error).to_string(), MAX_BYTES).into_owned()
}
