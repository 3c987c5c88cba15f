//! [`Shutdown`]: how the process ends.

use schemars::JsonSchema;
use serde::Deserialize;

use super::number::Period;

/// The shutdown at SIGTERM. SIGINT skips the drain, and a second signal ends it.
/// A change needs a restart.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Shutdown {
    /// How long requests are still accepted while /readyz answers 503, so that
    /// callers go elsewhere before the listener is closed, in milliseconds.
    pub(crate) drain_ms: Period,

    /// How long requests in flight may take after the drain, in milliseconds.
    pub(crate) grace_ms: Period,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            drain_ms: Period::of::<5_000>(),
            grace_ms: Period::of::<10_000>(),
        }
    }
}
