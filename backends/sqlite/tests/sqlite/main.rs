//! What the SQLite backend promises beyond the contract, on real files.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod changes;
mod coherent;
mod crash;
mod faults;
mod list;
mod log;
mod lost;
mod open;
mod recorder;
mod replaced;
mod support;
