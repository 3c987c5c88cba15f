//! The binary as people run it: as a process.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod cache;
mod check;
mod client;
mod commands;
mod config;
mod deploy;
mod explain;
mod gateway_config;
mod log;
mod mistakes;
mod operate;
mod pki;
mod redis;
mod reload;
mod serve;
mod shutdown;
mod sockets;
mod support;
mod tls;
#[cfg(feature = "otel")]
mod traces;
