//! [`Policy`]: who may reach a session.

use std::collections::BTreeMap;

use dcv_resolver_core::{Network, SessionId};
use schemars::JsonSchema;
use serde::Deserialize;

use super::text::{LabelKey, NetworkText, SESSION_ID};

/// The access policies. Without one, every client may reach every session.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Policy {
    /// Restricts sessions to clients of certain networks.
    #[schemars(with = "ClientNetworks")]
    pub(crate) client_networks: Option<ClientNetworks>,
}

/// The networks from which clients may reach a session. The first of these that
/// is set applies: the networks of the session, those of its labels (any one of
/// several suffices), the default. A session without any is open to all clients.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientNetworks {
    /// What a client without a known address may reach. There is no default:
    /// "allow" lets it reach every session, restricted or not; "deny" only
    /// sessions that are open to all.
    pub(crate) unknown_client: UnknownClient,

    /// The networks of the load balancers in front of the gateways. A client
    /// behind such an address counts as unknown.
    #[serde(default)]
    #[schemars(with = "Vec<NetworkText>")]
    pub(crate) load_balancers: Vec<Network>,

    /// The networks for every other session.
    #[serde(default)]
    #[schemars(with = "Vec<NetworkText>")]
    pub(crate) default: Option<Vec<Network>>,

    /// The networks for single sessions, by the id that clients request. An
    /// empty list denies every client.
    #[serde(default)]
    #[schemars(
        with = "BTreeMap<String, Vec<NetworkText>>",
        extend("propertyNames" = {"format": SESSION_ID})
    )]
    pub(crate) sessions: BTreeMap<SessionId, Vec<Network>>,

    /// The networks for sessions with a label, by "name=value".
    #[serde(default)]
    #[schemars(
        with = "BTreeMap<String, Vec<NetworkText>>",
        extend("propertyNames" = {"format": LabelKey::FORMAT})
    )]
    pub(crate) labels: BTreeMap<LabelKey, Vec<Network>>,
}

/// What a client without a known address may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UnknownClient {
    Allow,
    Deny,
}

impl From<UnknownClient> for dcv_resolver_core::UnknownClient {
    fn from(unknown_client: UnknownClient) -> Self {
        match unknown_client {
            UnknownClient::Allow => Self::Allow,
            UnknownClient::Deny => Self::Deny,
        }
    }
}
