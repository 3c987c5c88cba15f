//! [`ConfigOptions`]: the configuration of `serve` on the command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use clap::builder::PathBufValueParser;

use crate::config::{Address, Listen, Period, TimeBudget};
use crate::log_options::LogOptions;
use crate::store_url::StoreText;
use crate::variables::without_line_end;

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
