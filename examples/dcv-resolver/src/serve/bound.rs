//! [`Bound`]: what the listeners are, which a reload does not change.

use std::net::SocketAddr;

use super::listeners::Listeners;
use crate::config::Config;
use crate::failure::Failure;

/// What the listeners are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    callers_have_addresses: bool,
    ops_address: Option<SocketAddr>,
    ops_has_tls: bool,
}

impl Bound {
    pub(super) fn new(listeners: &Listeners, ops_has_tls: bool) -> Self {
        Self {
            callers_have_addresses: listeners.callers_have_addresses(),
            ops_address: listeners.ops_address(),
            ops_has_tls,
        }
    }

    /// Fails if the listeners cannot serve `config`.
    pub(super) fn check(self, config: &Config) -> Result<(), Failure> {
        let plaintext = self
            .ops_address
            .and_then(|address| config.plaintext_admin(address, self.ops_has_tls));
        let without_addresses = || {
            config
                .needs_addresses()
                .filter(|_| !self.callers_have_addresses)
        };
        match plaintext.or_else(without_addresses) {
            Some(refusal) => Err(Failure::setup(refusal)),
            None => Ok(()),
        }
    }
}
