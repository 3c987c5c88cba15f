//! [`Callers`]: who may call.

use dcv_resolver_core::Network;
use schemars::JsonSchema;
use serde::Deserialize;

use super::text::NetworkText;

/// The allowed callers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Callers {
    /// The networks of the gateways. Callers from other networks get 403. Without
    /// this list, every caller is allowed.
    #[schemars(with = "Vec<NetworkText>", length(min = 1))]
    pub(crate) allowed_networks: Option<Vec<Network>>,
}
