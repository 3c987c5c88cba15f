//! Events of [`tracing`] as lines of JSON, cheap enough to leave one for each
//! request.
//!
//! [`JsonLines`] is a layer for [`tracing_subscriber`] that says what the JSON of
//! its `fmt` layer says, with `flatten_event(true)` and `with_span_list(false)`, in
//! less than a quarter of the instructions. It knows nothing of sessions.
//!
//! ```
//! use dcv_resolver_http::json_log::JsonLines;
//! use tracing_subscriber::EnvFilter;
//! use tracing_subscriber::layer::{Layer, SubscriberExt};
//! use tracing_subscriber::util::SubscriberInitExt;
//!
//! let lines = JsonLines::new(std::io::stderr).with_filter(EnvFilter::new("info"));
//! tracing_subscriber::registry().with(lines).init();
//!
//! tracing::info!(store = "desktops", sessions = 3, "the session file was read");
//! ```
//!
//! ```json
//! {"timestamp":"2030-01-01T00:00:00.000000Z","level":"INFO","store":"desktops","sessions":3,"message":"the session file was read","target":"your_service"}
//! ```
//!
//! # A line
//!
//! | member | |
//! |---|---|
//! | `timestamp` | RFC 3339 in UTC, with microseconds |
//! | `level` | `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE` |
//! | one for each field of the event | in its order; the message is `message` |
//! | `target` | the event's; of an event that came through the crate `log`, the one it had there |
//! | `span` | the fields of the span that the event is in, and its `name`; not there outside of any span |
//!
//! Booleans and numbers of up to 64 bits are what they are in JSON, a number that is
//! none (NaN, an infinity) is `null`. Everything else is a string: text, whatever
//! was recorded with `%` or `?`, errors, larger integers, and bytes in hexadecimal.
//! A field that a span records twice has its later value.
//!
//! A field that is called as a member of the line is there beside it.
//!
//! # What it guarantees
//!
//! - **One event, one line, one write.** Whatever is in a value, a line end too, the
//!   line is one JSON object, and is handed to the writer whole. `std::io::stderr`
//!   lets no other thread come in between, nor does
//!   [`DecisionLines`](crate::DecisionLines), which writes several at once.
//! - **The service goes on.** What a writer returns is not looked at. A value that
//!   panics while it is shown costs its own line, one that fails to be shown is cut
//!   where it failed, and one that leaves an event meanwhile has it written first.
//! - **No allocation a line**, once a thread has written one. A span takes two.
//!
//! # Where the time goes
//!
//! A text is looked at eight bytes at a time for something to escape, and copied
//! whole where there is nothing, as nearly always. The fields of a span are
//! rendered when it begins. The second of a timestamp is rendered when it changes.
//! A line of 400 bytes to a file then takes less time than the system call that
//! writes it.

mod escape;
mod line;
mod members;
mod span_fields;
mod timestamp;

use std::io::Write;

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use escape::push_string;
use line::Line;
use members::Members;
use span_fields::SpanFields;

/// Writes each event as one line of JSON, for a
/// [`Registry`](tracing_subscriber::Registry).
///
/// [The module](self) tells what a line is like.
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
