//! Catches signals that would end the process.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;

/// Catches a signal from now on.
pub(super) fn catch(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::setup(format!("cannot handle signals: {error}")))
}
