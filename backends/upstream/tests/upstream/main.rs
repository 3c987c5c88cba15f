//! Another resolver as a store, against real sockets.

#![expect(clippy::unwrap_used, reason = "a test panics on the first failure")]

mod conformance;
mod errors;
mod lookup;
mod support;
