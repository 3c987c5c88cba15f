//! `dcv-resolver`: a ready session resolver for the Amazon DCV Connection
//! Gateway. It only wires the libraries together: read it as "how to build your
//! own".
//!
//! A library, so that a test can read configurations without a process for each.
//!
//! | file | |
//! |---|---|
//! | `cli.rs`, `cli/examples.rs` | the command line; examples that `--help` shows |
//! | `config.rs` | file, environment and flags → a configuration |
//! | `store_url.rs` | the URL of a store |
//! | `open_store.rs`, `open_error.rs`, `closed_store.rs`, `store_chain.rs` | a store, opened; one that cannot be; all stores of a configuration |
//! | `certificates.rs`, `file_modes.rs` | the certificates of a configuration; files that everyone may read or write |
//! | `variables.rs` | environment variables: line ends, empty ones, unknown ones |
//! | `serve.rs`, `agent.rs`, `check.rs`, `gateway_config.rs`, `explain.rs`, `doctor.rs`, `resolve.rs`, `import.rs`, `list.rs`, `lease.rs`, `database.rs` | the subcommands |
//! | `lease_token.rs` | the lease token of a command |
//! | `server_options.rs` | where a DCV server listens |
//! | `label.rs` | a label on the command line |
//! | `pasted.rs` | the request in what a person pastes |
//! | `session_file.rs`, `table.rs`, `output.rs` | shared by the subcommands |
//! | `open_listener.rs`, `socket_file.rs`, `local_only.rs` | a socket that listens; operators on the same machine |
//! | `background_task.rs` | tasks that end with their owner |
//! | `log.rs`, `log_options.rs`, `log/panics.rs`, `log/writer.rs`, `traces.rs` | where events and spans go |
//! | `interrupt.rs` | signals that end a command |
//! | `failure.rs` | the final error message and the exit code |

mod agent;
mod background_task;
mod certificates;
mod check;
mod cli;
mod closed_store;
mod config;
mod database;
mod doctor;
mod explain;
mod failure;
mod file_modes;
mod gateway_config;
mod import;
mod interrupt;
mod label;
mod lease;
mod lease_token;
mod list;
mod local_only;
mod log;
mod log_options;
mod open_error;
mod open_listener;
mod open_store;
mod output;
mod pasted;
mod resolve;
mod serve;
mod server_options;
mod session_file;
mod socket_file;
mod store_chain;
mod store_url;
mod table;
mod traces;
mod variables;

use std::process::ExitCode;
use std::time::Duration;

use crate::cli::{Cli, Command};
use crate::failure::Failure;

pub use crate::config::check_configuration;

/// Runs the command of the command line, and returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run() -> Result<(), Failure> {
    let cli = Cli::from_command_line()?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::setup(format!("cannot start the async runtime: {error}")))?;
    let ended = runtime.block_on(async {
        match cli.command {
            Command::Serve(options) => serve::run(options).await,
            Command::Agent(options) => agent::run(options).await,
            Command::Check(options) => check::run(options).await,
            Command::ConfigSchema => output::line(format_args!("{:#}", config::schema())),
            Command::GatewayConfig(options) => gateway_config::run(options),
            Command::Resolve(options) => resolve::run(options).await,
            Command::Explain(options) => explain::run(options).await,
            Command::Doctor(options) => doctor::run(options).await,
            Command::Import(options) => import::run(options).await,
            Command::Register(options) => lease::register(options).await,
            Command::Renew(options) => lease::renew(options).await,
            Command::Deregister(options) => lease::deregister(options).await,
            Command::List(options) => list::run(options).await,
            Command::Sweep(options) => lease::sweep(options).await,
            Command::Backup(options) => database::backup(options).await,
            Command::Restore(options) => database::restore(options).await,
            Command::Migrate(options) => database::migrate(options).await,
        }
    });
    // Not dropped, which waits indefinitely for a file system that hangs.
    runtime.shutdown_timeout(SHUTDOWN_TIME);
    ended
}

/// How long calls that block their thread may take at the end.
const SHUTDOWN_TIME: Duration = Duration::from_secs(1);
