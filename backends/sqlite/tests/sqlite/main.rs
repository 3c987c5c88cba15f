//! Guarantees of the SQLite backend beyond the contract, with real files.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first failure"
)]

mod backup;
mod causes;
mod changes;
mod close;
mod coherent;
mod crash;
mod faults;
mod gaps;
mod list;
mod log;
mod older;
mod open;
mod recorder;
mod replaced;
mod support;
mod writable;
