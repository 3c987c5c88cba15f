//! [`JsonLines`].

use std::io::Write;

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::escape::push_string;
use crate::line::Line;
use crate::members::Members;
use crate::span_fields::SpanFields;

/// Writes each event as one line of JSON, for a
/// [`Registry`](tracing_subscriber::Registry).
///
/// The [crate's documentation](crate) tells what a line is like.
///
/// ```
/// use dcv_resolver_log::JsonLines;
/// use tracing_subscriber::EnvFilter;
/// use tracing_subscriber::layer::{Layer, SubscriberExt};
///
/// let lines = JsonLines::new(std::io::stderr).with_filter(EnvFilter::new("info"));
/// let subscriber = tracing_subscriber::registry().with(lines);
/// tracing::subscriber::with_default(subscriber, || {
///     tracing::info!(sessions = 3, "the session file was read");
/// });
/// ```
#[derive(Debug, Clone, Default)]
pub struct JsonLines<W> {
    make_writer: W,
}

impl<W> JsonLines<W> {
    /// Writes to what `make_writer` makes: `std::io::stderr`, for instance.
    ///
    /// Each line is handed over whole, in one `write_all`. What comes of it is
    /// not looked at: a log that cannot be written must not end the service.
    pub const fn new(make_writer: W) -> Self {
        Self { make_writer }
    }
}

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let fields = SpanFields::of(attributes);
        if let Some(span) = context.span(id) {
            span.extensions_mut().replace(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        // Before the span is locked: a value may leave an event in it.
        let later = SpanFields::recorded(values);
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<SpanFields>()
        {
            fields.add(&later);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Line::take();
        format(&mut line, event, &context);
        let mut writer = self.make_writer.make_writer_for(event.metadata());
        let _written = writer.write_all(line.text.as_bytes());
        line.keep();
    }
}

fn format<S>(line: &mut Line, event: &Event<'_>, context: &Context<'_, S>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    // What comes from the crate `log` has its target among its fields.
    let of_log = event.normalized_metadata();
    let metadata = of_log.as_ref().unwrap_or_else(|| event.metadata());

    let Line { text, timestamps } = line;
    text.push_str(r#"{"timestamp":""#);
    timestamps.push_now(text);
    text.push_str(r#"","level":""#);
    text.push_str(metadata.level().as_str());
    text.push_str(r#"","#);
    event.record(&mut Members::of(text));
    text.push_str(r#""target":"#);
    push_string(text, metadata.target());
    if let Some(span) = context.event_span(event) {
        text.push_str(r#","span":{"#);
        if let Some(fields) = span.extensions().get::<SpanFields>() {
            text.push_str(fields.members());
        }
        text.push_str(r#""name":"#);
        push_string(text, span.name());
        text.push('}');
    }
    text.push_str("}\n");
}
