//! The store over real servers: each test starts its own `redis-server`
//! processes on free ports of 127.0.0.1, and ends them.
#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]
#![expect(clippy::print_stdout, reason = "the measured times are for people")]
#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it saw"
)]

mod changes;
mod changes_cluster;
mod changes_faults;
mod changes_stress;
mod cluster;
mod concurrent;
mod conformance;
mod connections;
mod faults;
mod outages;
mod protocol;
mod refusals;
mod secrets;
mod sentinel;
mod settings;
mod support;
mod tls;
mod values;
mod warnings;
