//! What a cache guarantees, in front of a scripted store.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

mod bounds;
mod change_source;
mod model;
mod registry;
mod single_flight;
mod stale;
mod support;
mod threads;
mod ttl;
