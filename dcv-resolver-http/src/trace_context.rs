//! [`TraceContext`]: the trace that a request is part of, from the W3C header
//! `traceparent`.

use axum::http::{HeaderMap, HeaderName};
use tracing::Span;

use crate::request_id::RequestId;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The trace that a request is part of, and the caller's span in it.
///
/// Source: W3C Trace Context, "traceparent header".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: String,
    parent_span_id: String,
    sampled: bool,
}

/// Why a request has no trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoTrace {
    Absent,
    Invalid,
}

impl TraceContext {
    /// Returns the trace id: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        &self.trace_id
    }

    /// Returns the id of the caller's span: 16 hexadecimal digits.
    #[must_use]
    pub fn parent_span_id(&self) -> &str {
        &self.parent_span_id
    }

    /// Returns whether the caller records the trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    pub(crate) fn from_headers(headers: &HeaderMap) -> Result<Self, NoTrace> {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let value = values.next().ok_or(NoTrace::Absent)?;
        if values.next().is_some() {
            return Err(NoTrace::Invalid);
        }
        let text = value.to_str().map_err(|_| NoTrace::Invalid)?;
        Self::parse(text).ok_or(NoTrace::Invalid)
    }

    /// Parses `version "-" trace-id "-" parent-id "-" flags`, in lower case. A
    /// version after 00 may continue after another dash.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(5, '-');
        let version = hexadecimal::<2>(parts.next()?)?;
        let trace_id = hexadecimal::<32>(parts.next()?)?;
        let parent_span_id = hexadecimal::<16>(parts.next()?)?;
        let flags = hexadecimal::<2>(parts.next()?)?;
        let ends_here = parts.next().is_none();
        if version == "ff" || (version == "00" && !ends_here) {
            return None;
        }
        if is_zero(trace_id) || is_zero(parent_span_id) {
            return None;
        }
        let sampled = u8::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1);
        Some(Self {
            trace_id: trace_id.to_owned(),
            parent_span_id: parent_span_id.to_owned(),
            sampled,
        })
    }
}

/// Returns the span in which a request is decided.
///
/// At level DEBUG, so that a log at INFO does not pay for it: a span for each
/// request takes as many instructions as half the request itself.
pub(crate) fn span(trace: &Result<TraceContext, NoTrace>, request_id: &RequestId) -> Span {
    let parent = trace.as_ref().ok();
    let span = tracing::debug_span!(
        target: "dcv_resolver::resolve",
        "resolve",
        trace_id = parent.map(TraceContext::trace_id),
        parent_span_id = parent.map(TraceContext::parent_span_id),
        sampled = parent.map(TraceContext::is_sampled),
        request_id = request_id.as_str(),
    );
    if *trace == Err(NoTrace::Invalid) {
        tracing::debug!("ignored an invalid traceparent header; see W3C Trace Context");
    }
    span
}

fn hexadecimal<const LENGTH: usize>(text: &str) -> Option<&str> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (text.len() == LENGTH && text.bytes().all(is_digit)).then_some(text)
}

fn is_zero(digits: &str) -> bool {
    digits.bytes().all(|digit| digit == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN_ID: &str = "b7ad6b7169203331";

    fn of(values: &[&str]) -> Result<(String, String, bool), NoTrace> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TRACEPARENT, value.parse().unwrap());
        }
        TraceContext::from_headers(&headers).map(|trace| {
            (
                trace.trace_id.clone(),
                trace.parent_span_id.clone(),
                trace.sampled,
            )
        })
    }

    #[test]
    fn version_00_and_what_may_come_after_it_are_read() {
        for (text, sampled) in [
            (format!("00-{TRACE_ID}-{SPAN_ID}-01"), true),
            (format!("00-{TRACE_ID}-{SPAN_ID}-00"), false),
            (format!("00-{TRACE_ID}-{SPAN_ID}-ff"), true),
            (format!("00-{TRACE_ID}-{SPAN_ID}-fe"), false),
            (format!("01-{TRACE_ID}-{SPAN_ID}-01"), true),
            (format!("cc-{TRACE_ID}-{SPAN_ID}-01-"), true),
            (format!("fe-{TRACE_ID}-{SPAN_ID}-01-what-ever=X"), true),
        ] {
            let expected = (TRACE_ID.to_owned(), SPAN_ID.to_owned(), sampled);
            assert_eq!(of(&[&text]), Ok(expected), "{text}");
        }
    }

    #[test]
    fn invalid_traceparent_is_no_trace() {
        let zeros = "0".repeat(32);
        for text in [
            String::new(),
            "00".to_owned(),
            format!("ff-{TRACE_ID}-{SPAN_ID}-01"),
            format!("0-{TRACE_ID}-{SPAN_ID}-01"),
            format!("0g-{TRACE_ID}-{SPAN_ID}-01"),
            format!("00-{zeros}-{SPAN_ID}-01"),
            format!("00-{TRACE_ID}-0000000000000000-01"),
            format!("00-{}-{SPAN_ID}-01", TRACE_ID.to_uppercase()),
            format!("00-{TRACE_ID}-{}-01", SPAN_ID.to_uppercase()),
            format!("00-{TRACE_ID}-{SPAN_ID}-0A"),
            format!("00-{TRACE_ID}-{SPAN_ID}-1"),
            format!("00-{TRACE_ID}-{SPAN_ID}"),
            format!("00-{TRACE_ID}-{SPAN_ID}-"),
            format!("00-{TRACE_ID}-{SPAN_ID}-01-"),
            format!("00-{TRACE_ID}-{SPAN_ID}-01-00"),
            format!("00-{TRACE_ID}-{SPAN_ID}-01 "),
            format!("01-{TRACE_ID}-{SPAN_ID}-01.00"),
            format!("01-{TRACE_ID}-{SPAN_ID}-0100"),
            format!("00-{TRACE_ID}0-{SPAN_ID}-01"),
            format!("00{TRACE_ID}{SPAN_ID}01"),
            format!("00_{TRACE_ID}_{SPAN_ID}_01"),
        ] {
            assert_eq!(of(&[&text]), Err(NoTrace::Invalid), "{text:?}");
        }
        assert_eq!(of(&[]), Err(NoTrace::Absent));
        let good = format!("00-{TRACE_ID}-{SPAN_ID}-01");
        assert_eq!(of(&[&good, &good]), Err(NoTrace::Invalid));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_read_is_hexadecimal(text in "[0-9a-f-]{0,60}|\\PC*") {
            if let Some(trace) = TraceContext::parse(&text) {
                let digits = [trace.trace_id, trace.parent_span_id].concat();
                prop_assert_eq!(digits.len(), 48);
                prop_assert!(digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
            }
        }
    }
}
