//! The operators' pages, the readiness, the metrics and the deduplicated log.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first failure"
)]

mod authorize;
mod endpoints;
mod explain;
mod gateway;
mod log_deduplicator;
mod metrics;
mod readiness;
mod replaced_stores;
mod socket;
mod store;
mod writable;
