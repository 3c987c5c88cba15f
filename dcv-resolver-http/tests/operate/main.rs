//! What people need who run a router: limits, log, metrics, and a router that
//! is replaced while it serves.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod callers;
mod documented;
mod fold;
mod in_flight;
mod live_router;
#[cfg(feature = "metrics")]
mod metrics;
mod problems;
#[cfg(feature = "rate-limit")]
mod rate_limit;
mod resolve_service;
mod support;
mod trace;
