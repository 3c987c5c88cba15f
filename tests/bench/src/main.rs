//! What a request costs beside the least that axum can do: one table of every
//! target and the figure that was measured. `scripts/bench` builds and runs it;
//! `docs/performance.md` says how each figure is measured.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what it prints is all it is for"
)]

mod address;
mod answer;
mod bare;
mod certificate;
mod failure;
mod figures;
mod floor;
mod load;
mod paced;
mod parse;
mod process;
mod request;
mod resolver;
mod rows;
mod store;
mod table;
mod target;
mod time_resolve;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Result;

/// Measures what is promised.
///
/// It ends with 0 where every target is met, with 1 where one is missed, and
/// with 2 where it could not measure.
#[derive(Debug, Parser)]
#[command(name = "scripts/bench", version)]
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
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,

    /// Two rounds of a second: an order of things, and no more.
    #[arg(long)]
    quick: bool,

    /// How many connections ask each server.
    #[arg(long, default_value_t = 32)]
    connections: usize,

    /// How many sessions are many.
    #[arg(long, default_value_t = 1_000_000)]
    many: usize,

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
    /// Serves sessions, in as few lines as axum takes.
    #[command(hide = true)]
    Bare(bare::Bare),
    /// Asks servers as fast as they answer.
    #[command(hide = true)]
    Load(load::Load),
    /// Asks a server at set times.
    #[command(hide = true)]
    Paced(paced::Paced),
    /// Reads a session file.
    #[command(hide = true)]
    ReadFile(parse::Parse),
    /// Resolves without a server.
    #[command(hide = true)]
    TimeResolve(time_resolve::TimeResolve),
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(2)
        }
    }
}

/// Whether every target is met.
fn run() -> Result<bool> {
    let Cli { role, settings } = Cli::parse();
    let Some(role) = role else {
        return rows::measure(settings.settled());
    };
    match role {
        Role::Floor => floor::serve(),
        Role::Bare(bare) => bare::serve(&bare),
        Role::Load(load) => load::run(&load),
        Role::Paced(paced) => paced::run(&paced),
        Role::ReadFile(parse) => parse::run(&parse),
        Role::TimeResolve(resolve) => time_resolve::run(&resolve),
    }?;
    Ok(true)
}

impl Settings {
    fn settled(mut self) -> Self {
        if self.quick {
            (self.rounds, self.seconds) = (2, 1.0);
        }
        self
    }

    fn rounds_shown(&self) -> String {
        format!("{} rounds of {} s", self.rounds, self.seconds)
    }
}
