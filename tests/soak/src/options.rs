//! [`Options`]: the command line.

use std::io;
use std::path::{self, PathBuf};
use std::time::Duration;

/// Runs the ready binary with everything at once.
#[derive(Debug, clap::Parser)]
pub(crate) struct Options {
    /// The resolver's binary
    // Absolute: it is started in another folder.
    #[arg(long, value_parser = absolute)]
    pub(crate) resolver: PathBuf,
    /// How long to run, in seconds
    #[arg(long, default_value_t = 3_600)]
    pub(crate) seconds: u64,
    /// After how long memory and descriptors must not grow any more, in seconds
    #[arg(long, default_value_t = 600)]
    pub(crate) warm_up_seconds: u64,
    /// How many sessions agents register and renew
    #[arg(long, default_value_t = 30_000)]
    pub(crate) sessions: usize,
    /// How often each session is renewed, in seconds
    #[arg(long, default_value_t = 30)]
    pub(crate) renew_seconds: u64,
    /// Requests per second of all gateways; half of what the resolver can
    /// answer if it is not set
    #[arg(long)]
    pub(crate) requests_per_s: Option<u32>,
    /// How often Redis is killed, in seconds
    #[arg(long, default_value_t = 300)]
    pub(crate) redis_kill_seconds: u64,
    /// How long Redis stays away, in seconds
    #[arg(long, default_value_t = 20)]
    pub(crate) redis_down_seconds: u64,
    /// How often the reader of the log stalls, in seconds
    #[arg(long, default_value_t = 600)]
    pub(crate) log_stall_seconds: u64,
    /// How long the reader of the log stalls, in seconds
    #[arg(long, default_value_t = 60)]
    pub(crate) log_stalled_seconds: u64,
    /// How often the session file and the configuration are reloaded, in seconds
    #[arg(long, default_value_t = 30)]
    pub(crate) reload_seconds: u64,
}

impl Options {
    /// Returns how long a lease lasts: far longer than any outage of an agent.
    pub(crate) fn ttl_ms(&self) -> u64 {
        self.renew_seconds * 4_000
    }

    pub(crate) fn warm_up(&self) -> Duration {
        Duration::from_secs(self.warm_up_seconds)
    }
}

fn absolute(text: &str) -> io::Result<PathBuf> {
    path::absolute(text)
}
