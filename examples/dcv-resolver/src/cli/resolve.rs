//! [`ResolveOptions`]: the options of `resolve`.

use std::net::IpAddr;

use clap::Args;
use dcv_resolver_core::{SessionId, Transport};

use super::store::StoreOption;

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
