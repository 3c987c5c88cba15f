//! [`Ops`]: the listener for operators.

use std::net::Ipv4Addr;

use schemars::JsonSchema;
use serde::Deserialize;

use super::listen_address::ListenAddress;
use super::text::Listen;
use super::tls::Tls;

/// The listener for operators.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Ops {
    /// The IP address and port, the name and port, the Unix socket, or "off". A
    /// change needs a restart.
    pub(crate) listen: Listen,

    /// TLS for the operators' listener, with a certificate and client CAs of its
    /// own. Without this section, it is plain HTTP.
    #[schemars(with = "Tls")]
    pub(crate) tls: Option<Tls>,
}

impl Default for Ops {
    fn default() -> Self {
        Self {
            listen: Listen::At(ListenAddress::Ip((Ipv4Addr::LOCALHOST, 9001).into())),
            tls: None,
        }
    }
}
