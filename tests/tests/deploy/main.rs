//! The files of `examples/deploy`, as far as they can be held to account
//! without a container engine, a cluster, a Grafana or a running systemd. What
//! the binary itself must make of them is tested with the binary.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics on the first failure"
)]

mod alerts;
mod compose;
mod containerfile;
mod kubernetes;
mod metrics;
mod metrics_page;
mod promtool;
mod systemd;

use std::fs;
use std::time::Duration;

use dcv_resolver_tests::repository::in_repository;
use toml::Table;

/// The text of a file of `examples/deploy`.
fn deployed(path: &str) -> String {
    let path = in_repository("examples/deploy").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// How long a resolver with this configuration takes to stop, at most.
fn time_to_stop(config: &Table) -> Duration {
    let milliseconds = |key| {
        let value = config["shutdown"][key].as_integer().unwrap();
        Duration::from_millis(value.try_into().unwrap())
    };
    milliseconds("drain_ms") + milliseconds("grace_ms")
}
