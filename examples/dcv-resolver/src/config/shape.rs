//! [`Config`]: the whole configuration.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::admin::Admin;
use super::cache::CacheSwitch;
use super::callers::Callers;
use super::limits::Limits;
use super::listen_address::ListenAddress;
use super::log::Log;
use super::number::TimeBudget;
use super::ops::Ops;
use super::policy::Policy;
use super::proxy_protocol::ProxyProtocol;
use super::shutdown::Shutdown;
use super::store::Store;
use super::telemetry::Telemetry;
use super::text::Address;
use super::tls::Tls;
use crate::store_url::StoreKind;

/// The configuration of dcv-resolver.
///
/// Everything but the stores has a default. A relative path is relative to the
/// directory of this file. An unknown key is an error.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "dcv-resolver")]
pub(crate) struct Config {
    /// The IP address and port for gateways, such as "0.0.0.0:9000" for gateways
    /// on other machines; a name and a port, such as "localhost:9000", of which
    /// the first address is used, IPv4 before IPv6; or a Unix socket, such as
    /// "unix:/run/dcv-resolver/http.sock". A change needs a restart.
    pub(crate) listen: Address,

    /// The time after which a request gets 503, in milliseconds.
    pub(crate) time_budget_ms: TimeBudget,

    /// The stores, in the order in which they are asked: the first that holds
    /// the session decides. A store that fails ends the search with 503, since
    /// it may hold the session.
    pub(crate) stores: Vec<Store>,

    /// TLS for the gateways' listener. Without this section, it is plain HTTP.
    #[schemars(with = "Tls")]
    pub(crate) tls: Option<Tls>,

    /// The allowed callers.
    pub(crate) callers: Callers,

    /// The PROXY protocol on the listener for gateways. Without this section, no
    /// load balancer may send it. A change needs a restart.
    #[schemars(with = "ProxyProtocol")]
    pub(crate) proxy_protocol: Option<ProxyProtocol>,

    /// The listener for operators: their page at /, with its data at /decisions
    /// and /sessions, and /livez, /readyz, /metrics, /explain.
    pub(crate) ops: Ops,

    /// The admin API: sessions registered, renewed and removed over HTTP, on the
    /// listener for operators. Without this section, there is none.
    #[schemars(with = "Admin")]
    pub(crate) admin: Option<Admin>,

    /// The access policies.
    pub(crate) policy: Policy,

    /// The limits of callers and connections.
    pub(crate) limits: Limits,

    /// The shutdown.
    pub(crate) shutdown: Shutdown,

    /// The log, on standard error.
    pub(crate) log: Log,

    /// Traces for an OpenTelemetry collector.
    pub(crate) telemetry: Telemetry,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Address(ListenAddress::Ip((Ipv4Addr::LOCALHOST, 9000).into())),
            time_budget_ms: TimeBudget::of::<1000>(),
            stores: Vec::new(),
            tls: None,
            callers: Callers::default(),
            proxy_protocol: None,
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
    /// Returns the store that is administered: the named one, or the only one.
    pub(crate) fn admin_store(&self) -> Option<&Store> {
        match (&self.admin.as_ref()?.store, &self.stores[..]) {
            (Some(name), stores) => stores.iter().find(|store| store.name == *name),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }

    /// Returns how often the store that is administered is swept, and how long
    /// expired sessions are kept in it. Returns `None` if it is not swept.
    pub(crate) fn sweep(&self) -> Option<(Duration, Duration)> {
        let admin = self.admin.as_ref()?;
        let url = &self.admin_store()?.url;
        let interval = match admin.sweep_interval_ms {
            _ if url.is_read_only_database() => return None,
            Some(interval) => interval,
            // It removes expired sessions itself.
            None if url.kind() == Some(StoreKind::Redis) => return None,
            None => Admin::DEFAULT_SWEEP_INTERVAL,
        };
        let interval = interval.milliseconds();
        (!interval.is_zero()).then(|| (interval, admin.keep_expired_ms.milliseconds()))
    }

    /// Returns why the admin API must not be served to operators at `address`,
    /// if the tokens would be sent in plaintext.
    pub(crate) fn plaintext_admin(&self, address: SocketAddr, has_tls: bool) -> Option<String> {
        let admin = self.admin.as_ref()?;
        let is_local = address.ip().to_canonical().is_loopback();
        if has_tls || is_local || admin.allow_plaintext {
            return None;
        }
        Some(format!(
            "the admin API at {address} would receive its tokens in plaintext; add [ops.tls], set `ops.listen` to 127.0.0.1, or set `admin.allow_plaintext = true` if something else encrypts"
        ))
    }

    /// Returns why callers without an address cannot be served: those of a Unix
    /// socket.
    pub(crate) fn needs_addresses(&self) -> Option<String> {
        let setting = if self.callers.allowed_networks.is_some() {
            "`callers.allowed_networks`"
        } else if self.proxy_protocol.is_some() {
            "[proxy_protocol]"
        } else {
            return None;
        };
        Some(format!(
            "the callers of the Unix socket from the service manager have no address; the permissions of its file and folder decide who may connect, so remove {setting}"
        ))
    }

    /// Switches every cache off.
    pub(crate) fn without_caches(mut self) -> Self {
        for store in &mut self.stores {
            store.cache = Some(CacheSwitch::Is(false));
        }
        self
    }

    /// Makes relative paths relative to `folder`.
    pub(super) fn rebase(&mut self, folder: &Path) {
        for store in &mut self.stores {
            store.url.rebase(folder);
            if let Some(redis) = &mut store.redis {
                redis.rebase(folder);
            }
            if let Some(upstream) = &mut store.upstream {
                upstream.rebase(folder);
            }
        }
        for tls in self.tls.iter_mut().chain(&mut self.ops.tls) {
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
