//! The command line.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum, value_parser};
use dcv_resolver_core::{
    Host, LeaseToken, SessionId, SessionState, Timestamp, Transport, WebUrlPath,
};

use crate::failure::Failure;
use crate::store_url::{StoreText, StoreUrl};

/// Tells the Amazon DCV Connection Gateway where a session runs.
#[derive(Debug, Parser)]
#[command(name = "dcv-resolver", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answers the gateway's requests until it is told to stop.
    Serve(ServeOptions),
    /// Validates a store and prints what would be served; exit code 1 on any
    /// mistake.
    Check(CheckOptions),
    /// Prints the answer to one request, or the reason why there is none (exit
    /// code 1).
    Resolve(ResolveOptions),
    /// Stores every session of a session file in a registry.
    Import(ImportOptions),
    /// Registers a session and prints its lease token.
    Register(RegisterOptions),
    /// Gives a registered session a new expiry.
    Renew(RenewOptions),
    /// Removes a registered session.
    Deregister(DeregisterOptions),
    /// Prints what a store holds, expired sessions included.
    List(ListOptions),
    /// Removes expired sessions from a registry and prints how many.
    Sweep(SweepOptions),
}

#[derive(Debug, Args)]
pub(crate) struct ServeOptions {
    /// The address and port to listen on, such as 0.0.0.0:9000 for
    /// gateways on other machines.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:9000", value_parser = socket_address)]
    pub(crate) listen: SocketAddr,

    #[command(flatten)]
    pub(crate) store: StoreOption,

    /// The longest a request may take before it is answered with 503.
    #[arg(long, value_name = "MS", default_value = "1000", value_parser = milliseconds)]
    pub(crate) time_budget_ms: Duration,

    #[command(flatten)]
    pub(crate) log: LogOptions,
}

#[derive(Debug, Args)]
pub(crate) struct CheckOptions {
    #[command(flatten)]
    pub(crate) store: StoreOption,
}

#[derive(Debug, Args)]
pub(crate) struct ResolveOptions {
    /// The session id, as a client asks for it.
    #[arg(value_name = "SESSION")]
    pub(crate) session_id: SessionId,

    /// The transport the client wants: HTTP or QUIC.
    #[arg(long, default_value = "HTTP")]
    pub(crate) transport: Transport,

    /// The address of the client.
    #[arg(long, value_name = "IP")]
    pub(crate) client_ip: Option<IpAddr>,

    #[command(flatten)]
    pub(crate) store: StoreOption,
}

#[derive(Debug, Args)]
pub(crate) struct ImportOptions {
    /// A session file: TOML, or the AWS sample's dictionary as JSON.
    pub(crate) file: PathBuf,

    /// Overwrites live sessions of other leases too.
    #[arg(long)]
    pub(crate) replace: bool,

    /// Reads the file and opens the store, and stores nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// The lease to import under; minted and printed unless given.
    #[arg(long, value_name = "HEX")]
    pub(crate) token: Option<LeaseToken>,

    #[command(flatten)]
    pub(crate) store: StoreOption,
}

#[derive(Debug, Args)]
pub(crate) struct RegisterOptions {
    /// The session id, as clients ask for it.
    #[arg(value_name = "SESSION")]
    pub(crate) session_id: SessionId,

    /// The DCV server: a DNS name or an IP address.
    #[arg(long)]
    pub(crate) host: Host,

    /// The TCP port for HTTP and WebSocket.
    #[arg(long, value_name = "PORT", value_parser = value_parser!(u16).range(1..))]
    pub(crate) http_port: Option<u16>,

    /// The UDP port for QUIC.
    #[arg(long, value_name = "PORT", value_parser = value_parser!(u16).range(1..))]
    pub(crate) quic_port: Option<u16>,

    /// The id on the DCV server, where it differs.
    #[arg(long, value_name = "SESSION")]
    pub(crate) target_id: Option<SessionId>,

    /// The DCV server's web-url-path.
    #[arg(long, value_name = "PATH", default_value = "/")]
    pub(crate) web_url_path: WebUrlPath,

    /// CREATING, READY, DELETING or UNKNOWN.
    #[arg(long, default_value = "READY")]
    pub(crate) state: SessionState,

    /// Whose session it is.
    #[arg(long)]
    pub(crate) owner: Option<String>,

    /// A note for people; may be given several times.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    pub(crate) labels: Vec<(String, String)>,

    #[command(flatten)]
    pub(crate) expiry: ExpiryOption,

    /// The lease to register under; minted and printed unless given.
    #[arg(long, value_name = "HEX")]
    pub(crate) token: Option<LeaseToken>,

    #[command(flatten)]
    pub(crate) store: StoreOption,
}

#[derive(Debug, Args)]
pub(crate) struct RenewOptions {
    /// The session id.
    #[arg(value_name = "SESSION")]
    pub(crate) session_id: SessionId,

    /// The lease token that register printed.
    #[arg(long, value_name = "HEX")]
    pub(crate) token: LeaseToken,

    #[command(flatten)]
    pub(crate) expiry: ExpiryOption,

    #[command(flatten)]
    pub(crate) store: StoreOption,
}

#[derive(Debug, Args)]
pub(crate) struct DeregisterOptions {
    /// The session id.
    #[arg(value_name = "SESSION")]
    pub(crate) session_id: SessionId,

    /// The lease token that register printed.
    #[arg(long, value_name = "HEX")]
    pub(crate) token: LeaseToken,

    #[command(flatten)]
    pub(crate) store: StoreOption,
}

#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    /// Prints the records as a JSON array.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) store: StoreOption,
}

#[derive(Debug, Args)]
pub(crate) struct SweepOptions {
    #[command(flatten)]
    pub(crate) store: StoreOption,
}

/// When a session expires: there is no default.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ExpiryOption {
    /// The session expires so many seconds from now.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) ttl_s: Option<Duration>,

    /// The session expires at this time, such as 2026-01-02T03:04:05Z.
    #[arg(long, value_name = "TIME")]
    pub(crate) expires_at: Option<Timestamp>,

    /// The session stays until it is deregistered.
    #[arg(long)]
    pub(crate) never_expires: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StoreOption {
    /// Where the sessions are: file:PATH (.toml or .json, read-only),
    /// sqlite:PATH, redis://HOST:PORT, rediss://, redis+sentinel://,
    /// redis+cluster:// or memory:.
    #[arg(
        long = "store",
        value_name = "URL",
        env = "DCV_RESOLVER_STORE",
        hide_env_values = true
    )]
    url: StoreText,
}

impl StoreOption {
    pub(crate) fn url(&self) -> Result<StoreUrl, Failure> {
        self.url.parse()
    }
}

#[derive(Debug, Args)]
pub(crate) struct LogOptions {
    /// How events are written to standard error.
    #[arg(long, value_name = "FORMAT", default_value = "auto")]
    pub(crate) log_format: LogFormat,

    /// What is written: error, warn, info, debug or trace, or directives as in
    /// RUST_LOG, which counts where this is not given. Otherwise info.
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// One line of text an event.
    Text,
    /// One JSON object an event.
    Json,
}

impl Cli {
    /// Reads the command line; `--help` and `--version` end the program here.
    pub(crate) fn from_command_line() -> Result<Self, Failure> {
        Self::try_parse().map_err(|error| {
            if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
                Failure::setup("a command is missing, such as serve or check; try --help")
            } else if error.use_stderr() {
                Failure::setup(one_line(&error.to_string()))
            } else {
                error.exit()
            }
        })
    }
}

fn socket_address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "expected an IP address and a port, such as 127.0.0.1:9000 or [::1]:9000")
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(ms @ 1..=60_000) => Ok(Duration::from_millis(ms)),
        _ => Err("expected a number of milliseconds from 1 to 60000".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..) => Ok(Duration::from_secs(seconds)),
        _ => Err("expected a number of seconds, at least 1".to_owned()),
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// What is wrong, without the usage that clap prints after it.
fn one_line(message: &str) -> String {
    let message = message.trim_start_matches("error: ");
    let problem = message.split("\n\nUsage:").next().unwrap_or(message);
    let problem = problem
        .split("\n\nFor more information")
        .next()
        .unwrap_or(problem);
    let paragraphs = problem
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    let sentences: Vec<_> = paragraphs.collect();
    format!("{}; try --help", sentences.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_mistake_is_told_in_one_line() {
        for (arguments, expected) in [
            (
                vec!["serve"],
                "the following required arguments were not provided: --store <URL>; try --help",
            ),
            (
                vec!["resolve", "", "--store", "file:a.toml"],
                "invalid value '' for '<SESSION>': a session id must not be empty; try --help",
            ),
            (
                vec!["serve", "--store", "file:a.toml", "--time-budget-ms", "0"],
                "invalid value '0' for '--time-budget-ms <MS>': expected a number of milliseconds from 1 to 60000; try --help",
            ),
        ] {
            let error =
                Cli::try_parse_from([&["dcv-resolver"], &arguments[..]].concat()).unwrap_err();
            assert_eq!(one_line(&error.to_string()), expected);
        }
    }
}
