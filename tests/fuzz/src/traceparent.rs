use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Request};
use dcv_resolver_core::{MemoryStore, Resolver};
use dcv_resolver_http::{Decision, ResolveService};
use tower::ServiceExt;

use crate::runtime::block_on;

/// The header `traceparent`: the trace of the decision is the one that a reading by
/// position finds.
pub fn traceparent(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else {
        return;
    };
    let request = Request::post("/resolveSession?sessionId=a")
        .header("traceparent", value)
        .body(Body::empty())
        .unwrap();
    let service = ResolveService::builder(Resolver::new(MemoryStore::new()))
        .without_log()
        .build();
    let response = block_on(service.oneshot(request)).unwrap();
    let decision = response.extensions().get::<Arc<Decision>>().unwrap();
    let read = decision.trace.as_ref().map(|trace| {
        let sampled = trace.is_sampled();
        (trace.trace_id(), trace.parent_span_id(), sampled)
    });
    assert_eq!(read, by_position(data));
}

/// Returns trace id, parent id and whether the trace is sampled, as in
/// `00-<32 digits>-<16 digits>-<2 digits>`.
fn by_position(data: &[u8]) -> Option<(&str, &str, bool)> {
    let text = std::str::from_utf8(data).ok()?;
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let head = text.get(..55)?;
    let has_form = head.bytes().enumerate().all(|(at, byte)| match at {
        2 | 35 | 52 => byte == b'-',
        _ => is_digit(byte),
    });
    let version = head.get(..2)?;
    let has_end = match version {
        "00" => text.len() == 55,
        _ => text.len() == 55 || text.as_bytes()[55] == b'-',
    };
    let (trace_id, parent_id) = (head.get(3..35)?, head.get(36..52)?);
    let is_zero = |id: &str| id.bytes().all(|digit| digit == b'0');
    let is_visible = data.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
    let is_valid = has_form
        && has_end
        && is_visible
        && version != "ff"
        && !is_zero(trace_id)
        && !is_zero(parent_id);
    let flags = u8::from_str_radix(head.get(53..55)?, 16).ok()?;
    is_valid.then_some((trace_id, parent_id, flags % 2 == 1))
}
