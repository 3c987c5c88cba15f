//! [`ExplainOptions`]: the options of `explain`.

use std::net::IpAddr;

use clap::Args;
use dcv_resolver_core::Transport;

use super::config::ConfigOptions;

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
