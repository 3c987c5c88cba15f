//! What a request costs beside the least that axum can do: one table of every
//! target and the figure that was measured. `scripts/bench` builds and runs it;
//! `docs/performance.md` tells how each figure comes about.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement stops at the first surprise, and shows what it measured"
)]

mod figures;
mod floor;
mod load;
mod parse;
mod process;
mod resolver;
mod rows;
mod table;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Measures what is promised.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    role: Option<Role>,

    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, clap::Args)]
struct Settings {
    /// The groups of rows to measure; all unless given.
    #[arg(value_parser = rows::names())]
    rows: Vec<String>,

    /// How often each is measured.
    #[arg(long, default_value_t = 7)]
    rounds: usize,

    /// How long a round loads the servers.
    #[arg(long, default_value_t = 4)]
    seconds: u64,

    /// Two rounds of a second: shows that all of it runs, and no more.
    #[arg(long)]
    quick: bool,

    /// The resolver; beside this program unless given.
    #[arg(long)]
    resolver: Option<PathBuf>,

    /// Where the servers run.
    #[arg(long, default_value_t = 0)]
    server_core: usize,

    /// Where their clients run, and Redis.
    #[arg(long, default_value_t = 1)]
    load_core: usize,
}

/// What this program does as a process of its own.
#[derive(Debug, Subcommand)]
enum Role {
    /// Serves a constant, the least that axum can do.
    #[command(hide = true)]
    Floor,
    /// Loads servers.
    #[command(hide = true)]
    Load(load::Load),
    /// Reads a session file.
    #[command(hide = true)]
    Parse(parse::Parse),
}

fn main() {
    let Cli { role, settings } = Cli::parse();
    match role {
        Some(Role::Floor) => floor::serve(),
        Some(Role::Load(load)) => load::run(&load),
        Some(Role::Parse(parse)) => parse::run(&parse),
        None => rows::measure(settings.settled()),
    }
}

impl Settings {
    fn settled(mut self) -> Self {
        if self.quick {
            (self.rounds, self.seconds) = (2, 1);
        }
        self
    }
}
