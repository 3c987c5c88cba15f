//! The client against real sockets and real TLS.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics on the first failure"
)]

mod answers;
mod contract;
mod failures;
mod requests;
mod support;
mod tls;
mod tls_files;
