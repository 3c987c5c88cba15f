//! What tests of several crates share: a captured log, an HTTP client and a server
//! over raw sockets, free ports, certificates, and a browser.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test panics on the first failure"
)]

pub mod browser;
pub mod client;
pub mod log;
pub mod pki;
pub mod port;
pub mod scripted;
pub mod target_dir;
