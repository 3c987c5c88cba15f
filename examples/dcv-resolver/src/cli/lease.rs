//! The options of `register`, `renew`, `deregister` and `sweep`.

use std::time::Duration;

use clap::{Args, value_parser};
use dcv_resolver_core::{Host, SessionId, SessionState, Timestamp, WebUrlPath};

use super::store::StoreOption;
use crate::label::label;
use crate::lease_token::LeaseTokenOption;

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
pub(crate) struct SweepOptions {
    #[command(flatten)]
    pub(crate) store: StoreOption,
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

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..) => Ok(Duration::from_secs(seconds)),
        _ => Err("expected a number of seconds, at least 1".to_owned()),
    }
}
