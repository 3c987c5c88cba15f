//! [`AgentOptions`]: the command line of an agent.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use dcv_resolver_agent::IdTemplate;
use dcv_resolver_core::Host;

use crate::config::{Listen, Log, Within};
use crate::failure::Failure;
use crate::label::label;
use crate::log_options::LogOptions;
use crate::server_options::ServerOptions;
use crate::store_url::StoreText;
use crate::variables::without_line_end;

/// The time between rounds, in milliseconds.
type Interval = Within<100, 600_000>;
/// How long the command may run, in milliseconds.
type CommandTime = Within<1, 60_000>;

#[derive(Debug, Args)]
pub(crate) struct AgentOptions {
    /// The DNS name or IP address at which gateways reach this DCV server. With
    /// tls-strict in the gateway's `[dcv]` section, the server's certificate must
    /// contain it.
    #[arg(long)]
    pub(crate) host: Host,

    #[command(flatten)]
    pub(crate) place: PlaceOption,

    /// Sends the bearer token in this file to the admin API. It is read for each
    /// request.
    #[arg(long, value_name = "FILE", requires = "admin_url")]
    pub(crate) admin_token_file: Option<PathBuf>,

    /// Trusts the CAs in this PEM file for the admin API, and no others [default:
    /// those of the system].
    #[arg(long, value_name = "FILE", requires = "admin_url")]
    pub(crate) ca_file: Option<PathBuf>,

    /// Presents the client certificate in this PEM file to the admin API.
    #[arg(long, value_name = "FILE", requires = "key_file")]
    pub(crate) certificate_file: Option<PathBuf>,

    /// The file with the key of the client certificate, PKCS#8.
    #[arg(long, value_name = "FILE", requires = "certificate_file")]
    pub(crate) key_file: Option<PathBuf>,

    /// The template of the ids that clients request: {session} is the id on this
    /// server, {host} the value of --host.
    #[arg(long = "id", value_name = "TEMPLATE", default_value = "{session}")]
    pub(crate) id: IdTemplate,

    /// Lists and registers the sessions at this interval, in milliseconds. A lease
    /// lasts three intervals.
    #[arg(long, value_name = "MS", default_value = "30000")]
    pub(crate) interval_ms: Interval,

    /// Kills the command that lists the sessions after this time, in
    /// milliseconds, or after an interval if that is shorter.
    #[arg(long, value_name = "MS", default_value = "10000")]
    pub(crate) command_timeout_ms: CommandTime,

    #[command(flatten)]
    pub(crate) server: ServerOptions,

    /// Adds a label to every session; may be given several times.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    pub(crate) labels: Vec<(String, String)>,

    /// Keeps the lease token and the list of registered sessions in this folder, so
    /// that a restarted agent still owns its sessions and can renew them.
    #[arg(long, value_name = "DIR", env = "STATE_DIRECTORY")]
    pub(crate) state_dir: PathBuf,

    /// Leaves the sessions registered when the agent ends, until their leases
    /// expire.
    #[arg(long)]
    pub(crate) keep: bool,

    /// Listens for operators on this address or Unix socket [default: off].
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "DCV_RESOLVER_OPS_LISTEN",
        value_parser = without_line_end(Listen::from_str)
    )]
    pub(crate) ops_listen: Option<Listen>,

    #[command(flatten)]
    pub(crate) log: LogOptions,

    /// The command that lists the sessions, after --
    /// [default: dcv list-sessions --json].
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

/// Where the sessions are registered.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct PlaceOption {
    /// Registers over the admin API of a resolver, which is on its operators'
    /// listener: https://HOST:PORT.
    #[arg(long, value_name = "URL", requires = "admin_token_file")]
    pub(crate) admin_url: Option<String>,

    /// Registers in this store, without a resolver in between: sqlite:PATH,
    /// redis://HOST:PORT, rediss://, redis+unix://, redis+sentinel:// or
    /// redis+cluster://.
    #[arg(
        long,
        value_name = "URL",
        env = "DCV_RESOLVER_STORE",
        hide_env_values = true,
        value_parser = without_line_end(StoreText::from_str)
    )]
    pub(crate) store: Option<StoreText>,
}

impl AgentOptions {
    /// Returns the settings of the log.
    pub(crate) fn log(&self) -> Result<Log, Failure> {
        let mut log = Log::default();
        self.log
            .override_settings(&mut log)
            .map_err(Failure::setup)?;
        Ok(log)
    }
}
