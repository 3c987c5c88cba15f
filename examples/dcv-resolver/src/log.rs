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
        // Told on standard error as well, by a print that panics: a log that
        // cannot be written must not end the service.
        .log_internal_errors(false)
        .with_ansi(terminal && std::env::var_os("NO_COLOR").is_none());
    let installed = if json {
        subscriber.json().flatten_event(true).try_init()
    } else {
        subscriber.try_init()
    };
    // The default hook would print text from outside among the events as it is.
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(panic = ?panic.to_string(), "something panicked");
    }));
    installed.map_err(|error| Failure::setup(format!("cannot start logging: {error}")))
}

fn filter(options: &LogOptions) -> Result<EnvFilter, Failure> {
    let (origin, directives) = match (&options.log_level, std::env::var(EnvFilter::DEFAULT_ENV)) {
        (Some(level), _) => ("--log-level", level.clone()),
        (None, Ok(directives)) if !directives.is_empty() => (EnvFilter::DEFAULT_ENV, directives),
        _ => return Ok(EnvFilter::new("info")),
    };
    // A mistyped level would pass as the name of a module and silence
    // everything else. In RUST_LOG a lone module is what people mean.
    let lone_word = !directives.contains(['=', ',', '[']);
    let mistyped = lone_word && directives.parse::<LevelFilter>().is_err();
    if options.log_level.is_some() && mistyped {
        return Err(expected_level(origin, &directives));
    }
    EnvFilter::try_new(&directives).map_err(|_| expected_level(origin, &directives))
}

fn expected_level(origin: &str, found: &str) -> Failure {
    Failure::setup(format!(
        "{origin} is {found:?}, expected a level (error, warn, info, debug, trace) or directives such as 'info,dcv_resolver=debug'"
    ))
}
