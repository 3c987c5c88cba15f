//! The command line.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::PathBufValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, value_parser};
use dcv_resolver_agent::IdTemplate;
use dcv_resolver_core::{Host, SessionId, SessionState, Timestamp, Transport, WebUrlPath};

use crate::agent::AgentOptions;
use crate::config::{Address, Listen, Period, TimeBudget};
use crate::failure::Failure;
use crate::label::label;
use crate::lease_token::{self, LeaseTokenOption};
use crate::log_options::LogOptions;
use crate::server_options::ServerOptions;
use crate::store_url::{StoreText, StoreUrl};
use crate::variables::{self, without_line_end};

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
    Serve(ConfigOptions),
    /// Registers the sessions that run on this DCV server, until SIGTERM or
    /// SIGINT.
    Agent(AgentOptions),
    /// Validates the configuration and prints what would be served; exit code 1
    /// if anything is wrong.
    Check(CheckOptions),
    /// Prints the JSON Schema of the configuration file, for editors.
    ConfigSchema,
    /// Prints the gateway's `[resolver]` section for this configuration.
    GatewayConfig(GatewayConfigOptions),
    /// Resolves one request and prints the answer, or why there is none (exit
    /// code 1).
    Resolve(ResolveOptions),
    /// Explains how a request is resolved, step by step, and suggests similar
    /// ids; exit code 1 if the session is not found.
    Explain(ExplainOptions),
    /// Finds out why a session cannot be reached: follows the path from the
    /// client's link through the gateway and the resolver to the DCV server, and
    /// names the most likely cause; exit code 1 if a hop fails. Run it on the
    /// gateway.
    Doctor(DoctorOptions),
    /// Imports sessions into a store: those of a session file, of a DCV server or
    /// of a Session Manager Broker.
    Import(ImportOptions),
    /// Registers a session and prints its lease token.
    Register(RegisterOptions),
    /// Renews the lease of a session: sets a new expiry.
    Renew(RenewOptions),
    /// Removes a registered session.
    Deregister(DeregisterOptions),
    /// Lists the sessions of a store, expired ones included.
    List(ListOptions),
    /// Removes expired sessions from a store and prints how many it removed.
    Sweep(SweepOptions),
    /// Copies a database to a new file, whether or not it is in use.
    Backup(BackupOptions),
    /// Replaces every session of a database with those of a backup, whether or
    /// not the database is in use.
    Restore(RestoreOptions),
    /// Migrates a database to the schema of this version; older versions refuse
    /// it from then on. serve and the commands that write migrate it too.
    Migrate(MigrateOptions),
}

#[derive(Debug, Args)]
pub(crate) struct CheckOptions {
    #[command(flatten)]
    pub(crate) config: ConfigOptions,

    /// Also prints this session, from the first store that holds it or has a
    /// pattern for it; exit code 1 if there is none.
    #[arg(long, value_name = "SESSION")]
    pub(crate) session: Option<SessionId>,
}

/// The configuration of `serve`. A flag overrides its environment variable, and
/// both override the file.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigOptions {
    /// Reads the configuration from this TOML file. Relative paths in it are
    /// relative to its directory.
    #[arg(
        long,
        value_name = "FILE",
        env = "DCV_RESOLVER_CONFIG",
        value_parser = without_line_end(PathBufValueParser::new())
    )]
    pub(crate) config: Option<PathBuf>,

    /// Listens for gateways on this address, such as 0.0.0.0:9000 for gateways
    /// on other machines, or on a Unix socket, unix:PATH
    /// [default: 127.0.0.1:9000].
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "DCV_RESOLVER_LISTEN",
        value_parser = without_line_end(Address::from_str)
    )]
    pub(crate) listen: Option<Address>,

    /// Uses this store instead of those in the file: file:PATH (.toml or .json,
    /// read-only), sqlite:PATH, redis://HOST:PORT, rediss://, redis+unix://,
    /// redis+sentinel://, redis+cluster://, memory: or, for another resolver,
    /// https://HOST:PORT or http://HOST:PORT.
    #[arg(
        long,
        value_name = "URL",
        env = "DCV_RESOLVER_STORE",
        hide_env_values = true,
        value_parser = without_line_end(StoreText::from_str)
    )]
    pub(crate) store: Option<StoreText>,

    /// Answers 503 to a request that takes longer than this, in milliseconds
    /// [default: 1000].
    #[arg(
        long,
        value_name = "MS",
        env = "DCV_RESOLVER_TIME_BUDGET_MS",
        value_parser = without_line_end(TimeBudget::from_str)
    )]
    pub(crate) time_budget_ms: Option<TimeBudget>,

    /// Listens for operators on this address or Unix socket; off disables this
    /// listener [default: 127.0.0.1:9001].
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "DCV_RESOLVER_OPS_LISTEN",
        value_parser = without_line_end(Listen::from_str)
    )]
    pub(crate) ops_listen: Option<Listen>,

    /// Continues to accept requests for this time after SIGTERM, in
    /// milliseconds, while /readyz answers 503 [default: 5000].
    #[arg(
        long,
        value_name = "MS",
        env = "DCV_RESOLVER_DRAIN_MS",
        value_parser = without_line_end(Period::from_str)
    )]
    pub(crate) drain_ms: Option<Period>,

    #[command(flatten)]
    pub(crate) log: LogOptions,
}

#[derive(Debug, Args)]
pub(crate) struct GatewayConfigOptions {
    /// Uses this domain name in the resolver's URL; gateways must be able to
    /// resolve it [default: the first domain name of the certificate].
    #[arg(long, value_name = "NAME")]
    pub(crate) url_host: Option<String>,

    #[command(flatten)]
    pub(crate) config: ConfigOptions,
}

#[derive(Debug, Args)]
pub(crate) struct ResolveOptions {
    /// The session id that a client requests.
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
pub(crate) struct ExplainOptions {
    /// The session id that a client requests, or text with one: the client's
    /// link, the gateway's URL, or a line of the log.
    // A link may hold a token, and clap quotes what it rejects.
    #[arg(value_name = "SESSION")]
    pub(crate) session: String,

    /// The transport the client wants: HTTP or QUIC [default: the one in
    /// SESSION, or HTTP].
    #[arg(long)]
    pub(crate) transport: Option<Transport>,

    /// The address of the client [default: the one in SESSION].
    #[arg(long, value_name = "IP")]
    pub(crate) client_ip: Option<IpAddr>,

    /// Prints the explanation as JSON.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) config: ConfigOptions,
}

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

#[derive(Debug, Args)]
pub(crate) struct ImportOptions {
    /// The file to import: a session file (TOML, or the AWS sample's dictionary as
    /// JSON), or the output of `list --json`, of `dcv list-sessions --json`, or of
    /// DescribeSessions of the Session Manager Broker.
    pub(crate) file: PathBuf,

    /// The DNS name or IP address at which gateways reach the DCV server, if the
    /// file is the output of `dcv list-sessions --json` on it.
    #[arg(long)]
    pub(crate) host: Option<Host>,

    /// The template of the ids that clients request: {session} is the id on that
    /// server, {host} the value of --host [default: {session}].
    #[arg(long, value_name = "TEMPLATE", requires = "host")]
    pub(crate) id: Option<IdTemplate>,

    #[command(flatten)]
    pub(crate) server: ServerOptions,

    /// The output of DescribeServers, which completes that of DescribeSessions.
    #[arg(long, value_name = "FILE", conflicts_with = "host")]
    pub(crate) servers: Option<PathBuf>,

    /// Also overwrites live sessions that have another lease.
    #[arg(long)]
    pub(crate) replace: bool,

    /// Reads the file and opens the store, but imports nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// The lease [default: a new one, whose token is printed].
    #[command(flatten)]
    pub(crate) token: LeaseTokenOption,

    #[command(flatten)]
    pub(crate) store: StoreOption,
}

#[derive(Debug, Args)]
pub(crate) struct RegisterOptions {
    /// The session id that clients request.
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

    /// The session id on the DCV server, if it differs.
    #[arg(long, value_name = "SESSION")]
    pub(crate) target_id: Option<SessionId>,

    /// The DCV server's web-url-path.
    #[arg(long, value_name = "PATH", default_value = "/")]
    pub(crate) web_url_path: WebUrlPath,

    /// The state: CREATING, READY, DELETING or UNKNOWN.
    #[arg(long, default_value = "READY")]
    pub(crate) state: SessionState,

    /// The owner of the session.
    #[arg(long)]
    pub(crate) owner: Option<String>,

    /// Adds a label; may be given several times.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    pub(crate) labels: Vec<(String, String)>,

    #[command(flatten)]
    pub(crate) expiry: ExpiryOption,

    /// The lease [default: a new one, whose token is printed].
    #[command(flatten)]
    pub(crate) token: LeaseTokenOption,

    #[command(flatten)]
    pub(crate) store: StoreOption,
}

#[derive(Debug, Args)]
pub(crate) struct RenewOptions {
    /// The session id.
    #[arg(value_name = "SESSION")]
    pub(crate) session_id: SessionId,

    /// The lease token that register printed.
    #[command(flatten)]
    pub(crate) token: LeaseTokenOption,

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
    #[command(flatten)]
    pub(crate) token: LeaseTokenOption,

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

#[derive(Debug, Args)]
pub(crate) struct BackupOptions {
    /// The file to write, which must not exist.
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) store: StoreOption,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreOptions {
    /// A file that backup wrote, or another database of this program.
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) store: StoreOption,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateOptions {
    #[command(flatten)]
    pub(crate) store: StoreOption,

    /// Creates an empty database if there is none.
    #[arg(long)]
    pub(crate) create: bool,
}

/// When a session expires: there is no default.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ExpiryOption {
    /// Expires after this time, in seconds.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) ttl_s: Option<Duration>,

    /// Expires at this time, such as 2026-01-02T03:04:05Z.
    #[arg(long, value_name = "TIME")]
    pub(crate) expires_at: Option<Timestamp>,

    /// Never expires: the session stays until it is deregistered.
    #[arg(long)]
    pub(crate) never_expires: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StoreOption {
    /// The store: file:PATH (.toml or .json, read-only), sqlite:PATH,
    /// redis://HOST:PORT, rediss://, redis+unix://, redis+sentinel://,
    /// redis+cluster://, memory: or, for another resolver, https://HOST:PORT or
    /// http://HOST:PORT.
    #[arg(
        long = "store",
        value_name = "URL",
        env = "DCV_RESOLVER_STORE",
        hide_env_values = true,
        value_parser = without_line_end(StoreText::from_str)
    )]
    url: StoreText,
}

impl StoreOption {
    pub(crate) fn url(&self) -> Result<StoreUrl, Failure> {
        self.url.option()
    }
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
                Failure::setup(one_line(&with_variable(&error)))
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

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..) => Ok(Duration::from_secs(seconds)),
        _ => Err("expected a number of seconds, at least 1".to_owned()),
    }
}

/// Returns the message of clap, with the name of the environment variable if
/// the value comes from there.
fn with_variable(error: &clap::Error) -> String {
    let message = error.to_string();
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
        return message;
    };
    let flag = argument.split(' ').next().unwrap_or_default();
    let given = |text: OsString| text.to_string_lossy().starts_with(flag);
    match flag.strip_prefix("--") {
        Some(name)
            if error.kind() != ErrorKind::MissingRequiredArgument
                && !std::env::args_os().any(given) =>
        {
            let name = name.to_uppercase().replace('-', "_");
            message.replace(argument, &format!("DCV_RESOLVER_{name}"))
        }
        _ => message,
    }
}

/// Returns a message without the usage that clap appends, in one line.
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

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn invalid_argument_is_reported_in_one_line() {
        for (arguments, expected) in [
            (
                vec!["list"],
                "the following required arguments were not provided: --store <URL>; try --help",
            ),
            (
                vec!["resolve", "", "--store", "file:a.toml"],
                "invalid value '' for '<SESSION>': a session id must not be empty; try --help",
            ),
            (
                vec!["serve", "--store", "file:a.toml", "--time-budget-ms", "0"],
                "invalid value '0' for '--time-budget-ms <MS>': expected a whole number from 1 to 60000; try --help",
            ),
        ] {
            let error =
                Cli::try_parse_from([&["dcv-resolver"], &arguments[..]].concat()).unwrap_err();
            assert_eq!(one_line(&error.to_string()), expected);
        }
    }
}
