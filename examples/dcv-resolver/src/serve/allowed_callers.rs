//! [`AllowedCallers`]: the networks of the gateways, replaced by a reload.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use dcv_resolver_core::Network;

use crate::config::Config;

/// The networks that may take a connection. It is asked once for each.
#[derive(Debug, Clone)]
pub(super) struct AllowedCallers(Arc<RwLock<Option<Vec<Network>>>>);

impl AllowedCallers {
    pub(super) fn new(config: &Config) -> Self {
        let networks = config.callers.allowed_networks.clone();
        Self(Arc::new(RwLock::new(networks)))
    }

    pub(super) fn replace(&self, config: &Config) {
        let networks = config.callers.allowed_networks.clone();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = networks;
    }

    pub(super) fn contain(&self, caller: IpAddr) -> bool {
        let networks = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let contains = |network: &Network| network.contains(caller);
        networks
            .as_ref()
            .is_none_or(|networks| networks.iter().any(contains))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_replaced_for_every_clone() {
        let mut config = Config::default();
        let caller = IpAddr::from([192, 0, 2, 7]);
        let callers = AllowedCallers::new(&config);
        let clone = callers.clone();
        assert!(clone.contain(caller));
        for (network, expected) in [("192.0.2.0/24", true), ("198.51.100.0/24", false)] {
            config.callers.allowed_networks = Some(vec![network.parse().unwrap()]);
            callers.replace(&config);
            assert_eq!(clone.contain(caller), expected, "{network}");
        }
    }
}
