//! [`LogOptions`]: how a process that runs on writes its log.

use std::str::FromStr;

use clap::Args;
use clap::builder::EnumValueParser;

use crate::config::{Log, LogDirectives, LogFormat};
use crate::variables::without_line_end;

/// How a process that runs on writes its log.
#[derive(Debug, Clone, Args)]
pub(crate) struct LogOptions {
    /// Writes the log to standard error in this format [default: auto].
    #[arg(
        long,
        value_name = "FORMAT",
        env = "DCV_RESOLVER_LOG_FORMAT",
        value_parser = without_line_end(EnumValueParser::<LogFormat>::new())
    )]
    log_format: Option<LogFormat>,

    /// Logs events of this level and of more severe ones: error, warn, info,
    /// debug or trace. Directives, as in RUST_LOG, are accepted too. Without this
    /// option, RUST_LOG applies [default: info].
    #[arg(
        long,
        value_name = "LEVEL",
        env = "DCV_RESOLVER_LOG_LEVEL",
        value_parser = without_line_end(LogDirectives::from_str)
    )]
    log_level: Option<LogDirectives>,
}

impl LogOptions {
    /// Replaces the settings that are given here or in `RUST_LOG`.
    ///
    /// # Errors
    ///
    /// A sentence, when `RUST_LOG` is invalid and would apply.
    pub(crate) fn override_settings(&self, log: &mut Log) -> Result<(), String> {
        log.format = self.log_format.unwrap_or(log.format);
        if let Some(level) = &self.log_level {
            log.level = level.clone();
        } else if let Some(level) = LogDirectives::from_rust_log()? {
            log.level = level;
        }
        Ok(())
    }
}
