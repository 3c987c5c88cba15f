//! [`Log`]: what is logged, and how.

use schemars::JsonSchema;
use serde::Deserialize;

use super::log_directives::LogDirectives;
use super::log_format::LogFormat;
use super::number::Period;

/// The log, on standard error.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    /// The format. A change needs a restart.
    pub(crate) format: LogFormat,

    /// The level: error, warn, info, debug or trace, or directives as in
    /// RUST_LOG, which overrides this.
    pub(crate) level: LogDirectives,

    /// The time in which repeated failures of one kind, and requests of one
    /// caller that are rejected for the same reason, are logged only once, with
    /// their number, in milliseconds. 0 logs each of them.
    pub(crate) dedup_window_ms: Period,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Auto,
            level: LogDirectives::default(),
            dedup_window_ms: Period::of::<10_000>(),
        }
    }
}
