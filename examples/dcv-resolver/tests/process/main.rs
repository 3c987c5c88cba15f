//! The binary as a process.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics on the first failure"
)]

mod agent;
mod agents_and_resolvers;
mod cache;
mod check;
mod client;
mod closed_stores;
mod commands;
mod config;
mod config_errors;
mod database;
mod dcv_server;
mod deploy;
mod doctor;
mod doctor_contract;
mod explain;
mod gateway_config;
mod import;
mod log;
mod operate;
mod operators;
mod ops_tls;
mod page;
mod pki;
mod redis;
mod reload;
mod secrets;
mod serve;
mod shutdown;
mod sockets;
mod support;
mod tls;
mod tls_dcv_server;
#[cfg(feature = "otel")]
mod traces;
mod upstream;
mod variables;
