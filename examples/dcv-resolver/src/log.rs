//! Where events go: to standard error, as text for people or JSON for
//! machines.

use std::io::{self, IsTerminal};
use std::str::FromStr;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::Subscriber;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use crate::config::Config;
use crate::failure::Failure;
#[cfg(feature = "otel")]
use crate::traces::Traces;

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// One line of text an event.
    Text,
    /// One JSON object an event.
    Json,
}

impl Format {
    /// As the file and the command line spell it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// Which events are written: a level, or directives as in `RUST_LOG`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Directives(String);

/// A text is neither.
#[derive(Debug)]
pub(crate) struct InvalidDirectives;

/// The process's subscriber, installed.
#[derive(Debug)]
pub(crate) struct Logging {
    pub(crate) level: Level,
    #[cfg(feature = "otel")]
    pub(crate) traces: Option<Traces>,
}

/// What is written, which can be changed.
#[derive(Debug, Clone)]
pub(crate) struct Level(reload::Handle<EnvFilter, Registry>);

/// Installs the process's subscriber.
pub(crate) fn init(config: &Config) -> Result<Logging, Failure> {
    let log = &config.log;
    let (filter, level) = reload::Layer::new(EnvFilter::new(&log.level.0));
    #[cfg(feature = "otel")]
    let traces = match &config.telemetry.otlp_endpoint {
        Some(endpoint) => Some(Traces::start(endpoint.as_str())?),
        None => None,
    };
    let installed = install(
        filter,
        log.format,
        #[cfg(feature = "otel")]
        traces.as_ref(),
    );
    // The default hook would print text from outside among the events as it is.
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(panic = ?panic.to_string(), "something panicked");
    }));
    installed.map_err(|error| Failure::setup(format!("cannot start logging: {error}")))?;
    Ok(Logging {
        level: Level(level),
        #[cfg(feature = "otel")]
        traces,
    })
}

fn install(
    filter: reload::Layer<EnvFilter, Registry>,
    format: Format,
    #[cfg(feature = "otel")] traces: Option<&Traces>,
) -> Result<(), TryInitError> {
    let registry = tracing_subscriber::registry();
    #[cfg(feature = "otel")]
    if let Some(traces) = traces {
        // What spans are for the traces is not for the log to decide.
        let log = log(format).with_filter(filter);
        return registry.with(log).with(traces.layer()).try_init();
    }
    // A filter of one layer's own would be asked for each event anew, and what
    // it says be kept for each span.
    registry.with(filter).with(log(format)).try_init()
}

/// Returns the layer that writes events to standard error.
fn log<S>(format: Format) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let terminal = io::stderr().is_terminal();
    let json = match format {
        Format::Auto => !terminal,
        Format::Text => false,
        Format::Json => true,
    };
    // A log that cannot be written must not end the service, and an error of
    // the log would go to standard error as well, by a print that panics.
    let layer = fmt::layer()
        .with_writer(io::stderr)
        .log_internal_errors(false);
    if json {
        return layer.json().boxed();
    }
    layer
        .with_ansi(terminal && std::env::var_os("NO_COLOR").is_none())
        .boxed()
}

impl Level {
    /// Writes what `directives` say from now on.
    pub(crate) fn set(&self, directives: &Directives) {
        // It fails where there is no subscriber any more.
        let _ignored = self.0.reload(EnvFilter::new(&directives.0));
    }
}

impl Directives {
    /// What `RUST_LOG` says, if anything.
    pub(crate) fn from_rust_log() -> Result<Option<Self>, String> {
        match std::env::var(EnvFilter::DEFAULT_ENV) {
            Ok(directives) if !directives.is_empty() => Self::any(&directives)
                .map(Some)
                .map_err(|error| format!("{} is {directives:?}: {error}", EnvFilter::DEFAULT_ENV)),
            _ => Ok(None),
        }
    }

    fn any(directives: &str) -> Result<Self, InvalidDirectives> {
        match EnvFilter::try_new(directives) {
            Ok(_) => Ok(Self(directives.to_owned())),
            Err(_) => Err(InvalidDirectives),
        }
    }
}

impl FromStr for Directives {
    type Err = InvalidDirectives;

    fn from_str(directives: &str) -> Result<Self, Self::Err> {
        // A mistyped level would pass as the name of a module and silence
        // everything else. In RUST_LOG a lone module is what people mean.
        let lone_word = !directives.contains(['=', ',', '[']);
        if lone_word && directives.parse::<LevelFilter>().is_err() {
            return Err(InvalidDirectives);
        }
        Self::any(directives)
    }
}

impl Default for Directives {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl From<Directives> for String {
    fn from(directives: Directives) -> Self {
        directives.0
    }
}

impl std::fmt::Display for Directives {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Display for InvalidDirectives {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "a level (error, warn, info, debug, trace) or directives such as 'info,dcv_resolver=debug' were expected",
        )
    }
}

impl std::error::Error for InvalidDirectives {}
