//! What the end-to-end tests share: a store with every kind of answer, a
//! server on a free port.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test panics on the first failure"
)]

pub mod server;
pub mod sessions;
