//! Where events go: to standard error, as text for people or JSON for
//! machines.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::cli::{LogFormat, LogOptions};
use crate::failure::Failure;

/// Installs the process's subscriber.
pub(crate) fn init(options: &LogOptions) -> Result<(), Failure> {
    let terminal = io::stderr().is_terminal();
    let json = match options.log_format {
        LogFormat::Auto => !terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter(options)?)
        .with_writer(io::stderr)
        .with_ansi(terminal && std::env::var_os("NO_COLOR").is_none());
    let installed = if json {
        subscriber.json().flatten_event(true).try_init()
    } else {
        subscriber.try_init()
    };
    installed.map_err(|error| Failure::setup(format!("cannot start logging: {error}")))
}

fn filter(options: &LogOptions) -> Result<EnvFilter, Failure> {
    let (origin, directives) = match (&options.log_level, std::env::var(EnvFilter::DEFAULT_ENV)) {
        (Some(level), _) => ("--log-level", level.clone()),
        (None, Ok(directives)) if !directives.is_empty() => (EnvFilter::DEFAULT_ENV, directives),
        _ => return Ok(EnvFilter::new("info")),
    };
    // A lone word that is no level would pass as the name of a module and
    // silence everything else.
    let lone_word = !directives.contains(['=', ',', '[']);
    if lone_word && directives.parse::<LevelFilter>().is_err() {
        return Err(expected_level(origin, &directives));
    }
    EnvFilter::try_new(&directives).map_err(|_| expected_level(origin, &directives))
}

fn expected_level(origin: &str, found: &str) -> Failure {
    Failure::setup(format!(
        "{origin} is {found:?}, expected a level (error, warn, info, debug, trace) or directives such as 'info,dcv_resolver=debug'"
    ))
}
