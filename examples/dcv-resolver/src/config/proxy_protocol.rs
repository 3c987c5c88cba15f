//! [`ProxyProtocol`]: the addresses of clients of a load balancer.

use dcv_resolver_core::Network;
use schemars::JsonSchema;
use serde::Deserialize;

use super::text::NetworkText;

/// The PROXY protocol, version 1 or 2, on the listener for gateways.
#[derive(Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProxyProtocol {
    /// The networks of the load balancers. Their connections must begin with a
    /// PROXY protocol header, and count as those of the address in it. From
    /// other peers, such a header is refused.
    #[schemars(with = "Vec<NetworkText>", length(min = 1))]
    pub(crate) from: Vec<Network>,
}
