//! [`RequestContext`]: what is known about a request before its query is read.

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::{Method, Uri};
use tokio::time::Instant;
use tracing::Span;

use crate::callers;
use crate::request_id::{RequestId, RequestIds};
use crate::trace_context::{self, NoTrace, TraceContext};

#[derive(Debug)]
pub(crate) struct RequestContext {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) caller: Option<IpAddr>,
    pub(crate) request_id: RequestId,
    pub(crate) trace: Result<TraceContext, NoTrace>,
    /// When the request arrived.
    pub(crate) started: Instant,
}

impl RequestContext {
    pub(crate) fn new(parts: Parts, request_ids: &RequestIds) -> Self {
        Self {
            method: parts.method,
            uri: parts.uri,
            caller: callers::caller(&parts.extensions),
            request_id: request_ids.id_for(&parts.headers),
            trace: TraceContext::from_headers(&parts.headers),
            started: Instant::now(),
        }
    }

    /// Returns the span in which the request is decided.
    pub(crate) fn span(&self) -> Span {
        trace_context::span(&self.trace, &self.request_id)
    }
}
