//! [`Config`]: all that can be configured.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use super::sections::{
    Admin, CacheSwitch, Callers, Limits, Log, Ops, Policy, Shutdown, Store, Telemetry, TimeBudget,
    Tls,
};
use super::text::Address;

/// The configuration of dcv-resolver.
///
/// Everything has a default but the stores. A relative path counts from the
/// folder of this file. An unknown key is a diagnostic.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "dcv-resolver")]
pub(crate) struct Config {
    /// The IP address and port that gateways ask, such as "0.0.0.0:9000" for
    /// gateways on other machines. A change needs a restart.
    pub(crate) listen: Address,

    /// The longest a request may take before it is answered with 503.
    pub(crate) time_budget_ms: TimeBudget,

    /// The stores, in the order in which they are asked: the first that holds
    /// the session decides. A store that fails ends the search with 503, since
    /// nobody knows what it would have said.
    pub(crate) stores: Vec<Store>,

    /// TLS for the gateways' listener. Without this section it is plain HTTP.
    #[schemars(with = "Tls")]
    pub(crate) tls: Option<Tls>,

    /// Who may ask.
    pub(crate) callers: Callers,

    /// The listener for operators: /livez, /readyz, /metrics, /explain.
    pub(crate) ops: Ops,

    /// Sessions registered, renewed and removed over HTTP, on the listener for
    /// operators. Without this section there is no such thing.
    #[schemars(with = "Admin")]
    pub(crate) admin: Option<Admin>,

    /// Which sessions are for whom.
    pub(crate) policy: Policy,

    /// What callers may take.
    pub(crate) limits: Limits,

    /// How the process stops.
    pub(crate) shutdown: Shutdown,

    /// What is written to standard error.
    pub(crate) log: Log,

    /// Traces for an OpenTelemetry collector.
    pub(crate) telemetry: Telemetry,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Address(SocketAddr::from((Ipv4Addr::LOCALHOST, 9000))),
            time_budget_ms: TimeBudget::of::<1000>(),
            stores: Vec::new(),
            tls: None,
            callers: Callers::default(),
            ops: Ops::default(),
            admin: None,
            policy: Policy::default(),
            limits: Limits::default(),
            shutdown: Shutdown::default(),
            log: Log::default(),
            telemetry: Telemetry::default(),
        }
    }
}

impl Config {
    /// The store that is administered: the one that is named, or the only one.
    pub(crate) fn admin_store(&self) -> Option<&Store> {
        match (&self.admin.as_ref()?.store, &self.stores[..]) {
            (Some(name), stores) => stores.iter().find(|store| store.name == *name),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }

    /// Has every store asked each time.
    pub(crate) fn without_caches(mut self) -> Self {
        for store in &mut self.stores {
            store.cache = Some(CacheSwitch::Is(false));
        }
        self
    }

    /// Relative paths count from `folder` from now on.
    pub(super) fn rebase(&mut self, folder: &Path) {
        for store in &mut self.stores {
            store.url.rebase(folder);
        }
        if let Some(tls) = &mut self.tls {
            let files = [&mut tls.certificate_file, &mut tls.key_file];
            for file in files.into_iter().chain(&mut tls.client_ca_file) {
                *file = folder.join(&*file);
            }
        }
        if let Some(admin) = &mut self.admin {
            admin.tokens_file = folder.join(&admin.tokens_file);
        }
    }
}
