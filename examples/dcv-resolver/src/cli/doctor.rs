//! [`DoctorOptions`]: the options of `doctor`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::config::ConfigOptions;
use super::examples;

/// The options of `doctor`. All are optional. `doctor` sends no token except
/// the one in --admin-token-file.
// What may hold a secret is parsed later: clap quotes what it rejects.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct DoctorOptions {
    #[command(subcommand)]
    pub(crate) command: Option<DoctorCommand>,

    /// The link that the client opens.
    #[arg(long, value_name = "URL")]
    pub(crate) link: Option<String>,

    /// The session id [default: the one in the link].
    #[arg(long)]
    pub(crate) session: Option<String>,

    /// The address of the client, for policies.
    #[arg(long, value_name = "IP")]
    pub(crate) client_ip: Option<IpAddr>,

    /// The gateway's configuration file; the resolver is asked with its settings.
    #[arg(long, value_name = "FILE")]
    pub(crate) gateway_config: Option<PathBuf>,

    /// The URL of the resolver [default: the one in the gateway's
    /// configuration].
    #[arg(long, value_name = "URL")]
    pub(crate) resolver_url: Option<String>,

    /// The URL of the resolver's operators' listener. On another machine it needs
    /// https:// and a token, and its certificate must be of a CA of the system, or
    /// of one in the file that SSL_CERT_FILE names [default: that of --config].
    #[arg(long, value_name = "URL")]
    pub(crate) ops_url: Option<String>,

    /// Sends the bearer token in this file to the operators' listener, and to
    /// nothing else.
    #[arg(long, value_name = "FILE")]
    pub(crate) admin_token_file: Option<PathBuf>,

    /// The configuration file of the DCV server, usually /etc/dcv/dcv.conf.
    #[arg(long, value_name = "FILE")]
    pub(crate) dcv_config: Option<PathBuf>,

    /// Prints the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) config: ConfigOptions,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DoctorCommand {
    /// Checks any resolver against the wire contract, and lists the rules that it
    /// breaks; exit code 1 if it breaks one.
    #[command(after_help = examples::CONTRACT)]
    Contract(ContractOptions),
}

#[derive(Debug, Args)]
pub(crate) struct ContractOptions {
    /// The URL of the resolver, without /resolveSession.
    #[arg(long, value_name = "URL")]
    pub(crate) resolver_url: String,

    /// A live session that the resolver knows.
    #[arg(long, value_name = "SESSION")]
    pub(crate) known_session: String,

    /// The address of a client that may reach the session [default: 192.0.2.7].
    #[arg(long, value_name = "IP")]
    pub(crate) client_ip: Option<IpAddr>,

    /// The gateway's configuration file: its CA and client certificate are used.
    #[arg(long, value_name = "FILE")]
    pub(crate) gateway_config: Option<PathBuf>,

    /// Prints the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
