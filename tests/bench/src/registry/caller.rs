//! [`Caller`]: a way to call a registry.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;
use dcv_resolver_core::{
    Clock, LeaseToken, SessionId, SessionRecord, SystemClock, Timestamp, async_trait,
};

use crate::failure::{Failure, Result};

/// Of all sessions.
pub(super) const TOKEN: LeaseToken = LeaseToken::from_bytes([0xa5; LeaseToken::BYTES]);

/// How many sessions a page has.
pub(super) const PAGE: usize = 100;

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum Operation {
    Register,
    Renew,
    Deregister,
    List,
    Import,
    Sweep,
}

/// The way to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum Way {
    /// A call of the registry.
    Library,
    /// The statement or the script, through the driver alone.
    Bare,
    /// A request to the admin API.
    AdminApi,
}

/// Calls a registry in one way. Each call fails unless it has done what it is
/// for.
#[async_trait]
pub(super) trait Caller: Send {
    /// Gets ready for a turn, which is not measured.
    fn begin(&mut self) -> Result {
        Ok(())
    }

    async fn register(&mut self, record: &SessionRecord) -> Result;

    /// Renews the lease by an hour.
    async fn renew(&mut self, id: &SessionId) -> Result;

    async fn deregister(&mut self, id: &SessionId) -> Result;

    /// Lists the next page; after the last one, the first.
    async fn list(&mut self) -> Result;

    /// Whether it imports and sweeps, which the admin API does not.
    fn is_bulk(&self) -> bool {
        true
    }

    async fn import(&mut self, records: &[SessionRecord]) -> Result;

    /// Removes what has expired. Returns how many sessions.
    async fn sweep(&mut self) -> Result<u64>;
}

pub(super) fn now() -> Timestamp {
    SystemClock.now()
}

/// Until when a session is renewed now.
pub(super) fn in_an_hour() -> Timestamp {
    now().saturating_add(Duration::from_hours(1))
}

/// Returns when the session of `record` expires.
pub(super) fn expires_at(record: &SessionRecord) -> Result<Timestamp> {
    let expires_at: Option<Timestamp> = record.expiry().into();
    expires_at.ok_or_else(|| Failure::new("every session that is measured expires"))
}

/// Fails a call that has not changed what it was to change.
pub(super) fn changed(is_changed: bool, id: &SessionId) -> Result {
    if is_changed {
        return Ok(());
    }
    Err(Failure::new(format!("a call has not changed session {id}")))
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self, f)
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self, f)
    }
}

/// As [`ValueEnum::from_str`] reads it.
fn show(value: &impl ValueEnum, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let shown = value.to_possible_value();
    f.write_str(shown.as_ref().map_or("", |value| value.get_name()))
}
