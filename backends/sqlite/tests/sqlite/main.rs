//! Guarantees of the SQLite backend beyond the contract, with real files.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first failure"
)]

mod changes;
mod coherent;
mod crash;
mod faults;
mod gaps;
mod list;
mod log;
mod open;
mod recorder;
mod replaced;
mod support;
