//! [`RequestContext`]: what is known of a request before its query is read.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue};
use tokio::time::Instant;
use tracing::Span;

use crate::request_id::RequestIds;
use crate::trace_context::{self, NoTrace, TraceContext};

#[derive(Debug)]
pub(crate) struct RequestContext {
    pub(crate) caller: Option<IpAddr>,
    pub(crate) request_id: HeaderValue,
    pub(crate) trace: Result<TraceContext, NoTrace>,
    /// When the request arrived.
    pub(crate) started: Instant,
}

impl RequestContext {
    pub(crate) fn new(
        caller: Option<IpAddr>,
        headers: &HeaderMap,
        request_ids: &RequestIds,
    ) -> Self {
        Self {
            caller,
            request_id: request_ids.id_for(headers),
            trace: TraceContext::from_headers(headers),
            started: Instant::now(),
        }
    }

    /// Returns the span in which the request is decided.
    pub(crate) fn span(&self) -> Span {
        trace_context::span(&self.trace, &self.request_id)
    }
}
