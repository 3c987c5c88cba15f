//! What the SQLite backend promises beyond the contract, on real files.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod crash;
mod faults;
mod list;
mod open;
mod replaced;
mod support;
