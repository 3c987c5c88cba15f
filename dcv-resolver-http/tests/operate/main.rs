//! What people need who run the service: limits, log, observers, and a service
//! that is replaced while it serves.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

mod callers;
mod documented;
mod in_flight;
mod observers;
mod problems;
mod rate_limit;
mod reloadable;
mod resolve_service;
mod support;
mod trace;
