//! What the end-to-end tests share: a store with every kind of answer, a
//! server on a free port, and requests sent as bytes.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test stops at the first surprise"
)]

pub mod raw;
pub mod server;
pub mod sessions;
