//! How to measure: the options of the command line, and the programs.

use std::path::PathBuf;

/// What a group of rows needs.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) settings: Settings,
    pub(crate) resolver: PathBuf,
    pub(crate) this_program: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Settings {
    /// How often each is measured.
    #[arg(long, default_value_t = 7)]
    pub(crate) rounds: usize,

    /// How long a round loads the servers.
    #[arg(long, default_value_t = 4.0)]
    pub(crate) seconds: f64,

    /// Two rounds of a second: an order of things, and no more.
    #[arg(long)]
    pub(crate) quick: bool,

    /// How many connections ask each server.
    #[arg(long, default_value_t = 32)]
    pub(crate) connections: usize,

    /// How many sessions are many.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) many: usize,

    /// The resolver; beside this program unless given.
    #[arg(long)]
    pub(crate) resolver: Option<PathBuf>,

    /// Where the servers run.
    #[arg(long, default_value_t = 0)]
    pub(crate) server_core: usize,

    /// Where their clients run, and Redis.
    #[arg(long, default_value_t = 1)]
    pub(crate) load_core: usize,
}

impl Settings {
    pub(crate) fn settled(mut self) -> Self {
        if self.quick {
            (self.rounds, self.seconds) = (2, 1.0);
        }
        self
    }

    pub(crate) fn rounds_shown(&self) -> String {
        format!("{} rounds of {} s", self.rounds, self.seconds)
    }
}
