//! What a request costs beside the least that axum can do: one table of every
//! target and the figure that was measured. `scripts/bench` builds and runs it;
//! `docs/performance.md` says how each figure is measured.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what it prints is all it is for"
)]

mod address;
mod admin_request;
mod answer;
mod bare;
mod certificate;
mod connection;
mod context;
mod failure;
mod figures;
mod file;
mod floor;
mod load;
mod operator_loops;
mod paced;
mod parse;
mod process;
mod registry;
mod renewals;
mod request;
mod resolver;
mod rows;
mod set_times;
mod store;
mod table;
mod target;
mod time_resolve;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::context::Settings;
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

    /// The groups of rows to measure; all unless given.
    #[arg(value_parser = rows::names())]
    rows: Vec<String>,

    #[command(flatten)]
    settings: Settings,
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
    /// Renews leases at set times.
    #[command(hide = true)]
    Renewals(renewals::Renewals),
    /// Asks as operators do.
    #[command(hide = true)]
    OperatorLoops(operator_loops::OperatorLoops),
    /// Calls a registry in every way.
    #[command(hide = true)]
    RegistryCalls(registry::RegistryCalls),
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
    let Cli {
        role,
        rows,
        settings,
    } = Cli::parse();
    let Some(role) = role else {
        return rows::measure(settings.settled(), &rows);
    };
    match role {
        Role::Floor => floor::serve(),
        Role::Bare(bare) => bare::serve(&bare),
        Role::Load(load) => load::run(&load),
        Role::Paced(paced) => paced::run(&paced),
        Role::Renewals(renewals) => renewals::run(&renewals),
        Role::OperatorLoops(operators) => operator_loops::run(&operators),
        Role::RegistryCalls(calls) => registry::run(&calls),
        Role::ReadFile(parse) => parse::run(&parse),
        Role::TimeResolve(resolve) => time_resolve::run(&resolve),
    }?;
    Ok(true)
}
