//! The binary as people run it: as a process.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod commands;
mod config;
mod deploy;
mod explain;
mod gateway_config;
mod mistakes;
mod redis;
mod serve;
mod support;
