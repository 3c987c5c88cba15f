//! The admin API: what it answers to whom, and what it leaves in the log.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first failure"
)]

mod access;
mod audit;
mod authorize;
mod document;
mod failures;
mod fixture;
mod ids;
mod listings;
mod log;
mod operators;
mod pages;
mod requests;
mod scopes;
mod sessions;
mod tokens;
