//! The operators' pages, the readiness, the metrics and the deduplicated log.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first failure"
)]

mod authorize;
mod decisions;
mod endpoints;
mod explain;
mod gateway;
mod log_deduplicator;
mod metrics;
mod page;
mod readiness;
mod replaced_stores;
mod sessions;
mod socket;
mod store;
mod writable;
