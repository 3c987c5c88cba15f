//! The log: events on standard error, as text or JSON.

mod panics;
mod writer;

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

use tracing::Subscriber;
use tracing::subscriber::set_global_default;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use self::panics::log_panics;
use self::writer::FlushOnDrop;
pub(crate) use self::writer::LogWriter;
use crate::config::{Log, LogDirectives, LogFormat, Telemetry};
use crate::failure::Failure;
use crate::traces::Traces;

/// The subscriber of the process, installed.
#[derive(Debug)]
pub(crate) struct Logging {
    pub(crate) filter: LogFilter,
    pub(crate) traces: Option<Traces>,
    pub(crate) writer: LogWriter,
    _flush: FlushOnDrop,
}

/// Replaces the filter of the log.
#[derive(Debug, Clone)]
pub(crate) struct LogFilter(reload::Handle<EnvFilter, Registry>);

/// Installs the subscriber of the process.
pub(crate) fn init(log: &Log, telemetry: &Telemetry) -> Result<Logging, Failure> {
    let (filter, handle) = reload::Layer::new(log.level.filter());
    let endpoint = telemetry.otlp_endpoint.as_ref();
    let traces = endpoint
        .map(|endpoint| Traces::start(endpoint.as_str()))
        .transpose()?;
    let writer =
        start_writer().map_err(|error| Failure::setup(format!("cannot start logging: {error}")))?;
    // Not `try_init`: with a feature that any crate of the build may enable, it
    // also passes on what drivers write to the `log` crate, which names files of
    // the machine that built them and is not limited in an outage.
    let installed = match &traces {
        // Each layer has a filter of its own: the level of the log does not
        // decide which spans are exported.
        Some(traces) => set_global_default(
            tracing_subscriber::registry()
                .with(layer(log.format, writer.clone()).with_filter(filter))
                .with(traces.layer()),
        ),
        // A filter for all layers costs less per event.
        None => set_global_default(
            tracing_subscriber::registry()
                .with(filter)
                .with(layer(log.format, writer.clone())),
        ),
    };
    installed.map_err(|error| Failure::setup(format!("cannot start logging: {error}")))?;
    log_panics();
    Ok(Logging {
        filter: LogFilter(handle),
        traces,
        _flush: writer.flush_on_drop(),
        writer,
    })
}

/// Starts to write to standard error, through a descriptor of its own: a write
/// that blocks must not hold the lock of [`io::stderr`].
fn start_writer() -> io::Result<LogWriter> {
    let stderr = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    LogWriter::start(stderr, |dropped| {
        tracing::error!(
            dropped,
            "lines of the log were dropped: standard error could not be written to, or not fast enough",
        );
    })
}

/// Returns the layer that passes events to `writer`.
fn layer<S>(format: LogFormat, writer: LogWriter) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let terminal = io::stderr().is_terminal();
    let json = match format {
        LogFormat::Auto => !terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    // An internal error would be printed to standard error, which may block, and
    // that print panics if it fails.
    let layer = fmt::layer().with_writer(writer).log_internal_errors(false);
    if json {
        return layer
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed();
    }
    layer
        .with_ansi(terminal && std::env::var_os("NO_COLOR").is_none())
        .boxed()
}

impl LogFilter {
    /// Logs the events that `directives` select from now on.
    pub(crate) fn set(&self, directives: &LogDirectives) {
        // Fails only if the subscriber is gone, at the end of the process.
        let _ignored = self.0.reload(directives.filter());
    }
}
