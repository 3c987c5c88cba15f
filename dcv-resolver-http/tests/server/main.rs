//! The server over real sockets: what it does to clients of every kind.

#![cfg(feature = "server")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod client;
mod fixture;
mod http;
mod limits;
mod log;
#[cfg(target_os = "linux")]
mod open_files;
mod shutdown;
mod slow_clients;
