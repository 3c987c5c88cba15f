//! The ops listener: who is told what, and when the process is ready.

#![cfg(feature = "ops")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod endpoints;
mod explain;
mod guard;
mod log;
mod readiness;
mod replaced_stores;
#[cfg(feature = "server")]
mod socket;
mod store;
