//! What the end-to-end tests share: a store with every kind of answer, a
//! server on a free port, and requests sent as bytes.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test panics on the first failure"
)]

pub mod raw;
pub mod server;
pub mod sessions;
