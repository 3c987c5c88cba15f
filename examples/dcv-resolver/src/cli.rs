//! The command line.
//!
//! | file | |
//! |---|---|
//! | `check.rs`, `database.rs`, `doctor.rs`, `explain.rs`, `gateway_config.rs`, `import.rs`, `lease.rs`, `list.rs`, `resolve.rs` | the options of the subcommands |
//! | `config.rs`, `store.rs` | options that several of them share |
//! | `examples.rs` | the examples in their help |
//! | `message.rs` | what is wrong with a command line |

mod check;
mod config;
mod database;
mod doctor;
mod examples;
mod explain;
mod gateway_config;
mod import;
mod lease;
mod list;
mod message;
mod resolve;
mod store;

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub(crate) use self::check::CheckOptions;
pub(crate) use self::config::ConfigOptions;
pub(crate) use self::database::{BackupOptions, MigrateOptions, RestoreOptions};
pub(crate) use self::doctor::{ContractOptions, DoctorCommand, DoctorOptions};
pub(crate) use self::explain::ExplainOptions;
pub(crate) use self::gateway_config::GatewayConfigOptions;
pub(crate) use self::import::ImportOptions;
pub(crate) use self::lease::{
    DeregisterOptions, ExpiryOption, RegisterOptions, RenewOptions, SweepOptions,
};
pub(crate) use self::list::ListOptions;
pub(crate) use self::resolve::ResolveOptions;
use crate::agent::AgentOptions;
use crate::failure::Failure;
use crate::store_url::StoreText;
use crate::{lease_token, variables};

/// Resolves sessions for the Amazon DCV Connection Gateway.
#[derive(Debug, Parser)]
#[command(name = "dcv-resolver", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answers the gateway's requests until SIGTERM or SIGINT.
    #[command(after_help = examples::SERVE)]
    Serve(ConfigOptions),
    /// Registers the sessions that run on this DCV server, until SIGTERM or
    /// SIGINT.
    #[command(after_help = examples::AGENT)]
    Agent(AgentOptions),
    /// Validates the configuration and prints what would be served; exit code 1
    /// if anything is wrong.
    #[command(after_help = examples::CHECK)]
    Check(CheckOptions),
    /// Prints the JSON Schema of the configuration file, for editors.
    #[command(after_help = examples::CONFIG_SCHEMA)]
    ConfigSchema,
    /// Prints the gateway's `[resolver]` section for this configuration.
    #[command(after_help = examples::GATEWAY_CONFIG)]
    GatewayConfig(GatewayConfigOptions),
    /// Resolves one request and prints the answer, or why there is none (exit
    /// code 1).
    #[command(after_help = examples::RESOLVE)]
    Resolve(ResolveOptions),
    /// Explains how a request is resolved, step by step, and suggests similar
    /// ids; exit code 1 if the session is not found.
    #[command(after_help = examples::EXPLAIN)]
    Explain(ExplainOptions),
    /// Finds out why a session cannot be reached: follows the path from the
    /// client's link through the gateway and the resolver to the DCV server, and
    /// names the most likely cause; exit code 1 if a hop fails. Run it on the
    /// gateway.
    #[command(after_help = examples::DOCTOR)]
    Doctor(DoctorOptions),
    /// Imports sessions into a store: those of a session file, of a DCV server or
    /// of a Session Manager Broker.
    #[command(after_help = examples::IMPORT)]
    Import(ImportOptions),
    /// Registers a session and prints its lease token.
    #[command(after_help = examples::REGISTER)]
    Register(RegisterOptions),
    /// Renews the lease of a session: sets a new expiry.
    #[command(after_help = examples::RENEW)]
    Renew(RenewOptions),
    /// Removes a registered session.
    #[command(after_help = examples::DEREGISTER)]
    Deregister(DeregisterOptions),
    /// Lists the sessions of a store, expired ones included.
    #[command(after_help = examples::LIST)]
    List(ListOptions),
    /// Removes expired sessions from a store and prints how many it removed.
    #[command(after_help = examples::SWEEP)]
    Sweep(SweepOptions),
    /// Copies a database to a new file, whether or not it is in use.
    #[command(after_help = examples::BACKUP)]
    Backup(BackupOptions),
    /// Replaces every session of a database with those of a backup, whether or
    /// not the database is in use.
    #[command(after_help = examples::RESTORE)]
    Restore(RestoreOptions),
    /// Migrates a database to the schema of this version; older versions refuse
    /// it from then on. serve and the commands that write migrate it too.
    #[command(after_help = examples::MIGRATE)]
    Migrate(MigrateOptions),
}

impl Cli {
    /// Reads the command line. `--help` and `--version` end the program here.
    pub(crate) fn from_command_line() -> Result<Self, Failure> {
        let command = variables::without_empty(Self::command());
        let matches = command.try_get_matches();
        let parsed = matches.and_then(|mut matches| Self::from_arg_matches_mut(&mut matches));
        parsed.map_err(|error| {
            if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
                Failure::setup("expected a command, such as serve or check; try --help")
            } else if error.use_stderr() {
                Failure::setup(message::of(&error))
            } else {
                error.exit()
            }
        })
    }
}

/// Returns what should be changed about the environment and the command line.
pub(crate) fn warnings() -> Vec<String> {
    let mut known = variables::names(&Cli::command());
    known.push(lease_token::VARIABLE.to_owned());
    known.sort();
    known.dedup();
    let mut warnings = variables::unknown(&known);
    let has_password = |argument: OsString| {
        let text = argument.to_string_lossy();
        let url = text.strip_prefix("--store=").unwrap_or(&text);
        url.parse().is_ok_and(|url: StoreText| url.has_password())
    };
    if std::env::args_os().any(has_password) {
        warnings.push(
            "other users can see the password of --store in the list of processes; set DCV_RESOLVER_STORE instead, or put the URL into the configuration file".to_owned(),
        );
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
