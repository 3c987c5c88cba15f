//! `dcv-resolver`: a ready session resolver for the Amazon DCV Connection
//! Gateway.
//!
//! It only wires the libraries together: read it as "how to build your own".
//!
//! | file | |
//! |---|---|
//! | `cli.rs` | the command line |
//! | `store_url.rs` | `--store URL` → a store |
//! | `open_store.rs` | the store, opened |
//! | `serve.rs`, `check.rs`, `resolve.rs`, `import.rs`, `list.rs`, `lease.rs` | the subcommands |
//! | `session_file.rs`, `table.rs`, `output.rs` | what they share |
//! | `log.rs` | where events go |
//! | `failure.rs` | the last sentence and the exit code |

mod check;
mod cli;
mod failure;
mod import;
mod lease;
mod list;
mod log;
mod open_store;
mod output;
mod resolve;
mod serve;
mod session_file;
mod store_url;
mod table;

use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::failure::Failure;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run() -> Result<(), Failure> {
    let cli = Cli::from_command_line()?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::setup(format!("cannot start the async runtime: {error}")))?;
    runtime.block_on(async {
        match cli.command {
            Command::Serve(options) => serve::run(options).await,
            Command::Check(options) => check::run(options).await,
            Command::Resolve(options) => resolve::run(options).await,
            Command::Import(options) => import::run(options).await,
            Command::Register(options) => lease::register(options).await,
            Command::Renew(options) => lease::renew(options).await,
            Command::Deregister(options) => lease::deregister(options).await,
            Command::List(options) => list::run(options).await,
            Command::Sweep(options) => lease::sweep(options).await,
        }
    })
}
