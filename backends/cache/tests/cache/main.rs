//! What a cache promises, in front of a store that does as it is told.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bounds;
mod driven;
mod flights;
mod lifetimes;
mod model;
mod registry;
mod stale;
mod support;
mod threads;
