//! The store over real servers: each test starts its own `redis-server`
//! processes on free ports of 127.0.0.1, and ends them.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod conformance;
mod support;
