//! [`ImportOptions`]: the options of `import`.

use std::path::PathBuf;

use clap::Args;
use dcv_resolver_agent::IdTemplate;
use dcv_resolver_core::Host;

use super::store::StoreOption;
use crate::lease_token::LeaseTokenOption;
use crate::server_options::ServerOptions;

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
