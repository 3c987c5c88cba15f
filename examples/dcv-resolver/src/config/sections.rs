//! The sections of a [`Config`](super::Config).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use dcv_resolver_core::{Network, SessionId};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::json;

use super::listen_address::ListenAddress;
use super::log_directives::LogDirectives;
use super::log_format::LogFormat;
use super::number::Within;
use super::redis::Redis;
use super::text::{Endpoint, LabelKey, Listen, NetworkText, SESSION_ID, StoreName};
use super::upstream::Upstream;
use crate::store_url::{InvalidStoreUrl, StoreText, StoreUrl};

/// The time budget of an answer, in milliseconds.
pub(crate) type TimeBudget = Within<1, 60_000>;
/// How long a client may keep a connection waiting, in milliseconds.
pub(crate) type ClientTimeout = Within<100, 3_600_000>;
/// A duration of the process itself, in milliseconds.
pub(crate) type Period = Within<0, 600_000>;
/// How long stale answers are served, in milliseconds.
pub(crate) type StaleIfError = Within<0, 86_400_000>;
/// How often expired sessions are removed, in milliseconds.
pub(crate) type SweepInterval = Within<0, 86_400_000>;
/// How long expired sessions are kept, in milliseconds: up to a year.
pub(crate) type KeepExpired = Within<0, 31_536_000_000>;
/// The time to live of a cached answer, in milliseconds.
pub(crate) type Ttl = Within<0, 60_000>;
/// The size of a cache, in bytes: 1 MiB to 1 TiB.
pub(crate) type CacheBytes = Within<{ 1 << 20 }, { 1 << 40 }>;
/// How many at once, or per second.
pub(crate) type Limit = Within<1, 1_000_000>;

/// One store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Store {
    /// The name in logs and metrics.
    pub(crate) name: StoreName,

    /// The URL: file:PATH (.toml or .json, read-only), sqlite:PATH,
    /// redis://HOST:PORT, rediss://, redis+unix://, redis+sentinel://,
    /// redis+cluster://, https://HOST:PORT or http://HOST:PORT (another resolver),
    /// or memory:.
    pub(crate) url: StoreText,

    /// Whether the tables of an older sqlite: database are migrated. Older
    /// versions of this program then refuse the database: to upgrade them one
    /// after the other, set this to false until the last one is upgraded. Until
    /// the migration, sessions are served but cannot be registered.
    #[serde(default = "yes")]
    pub(crate) migrate: bool,

    /// The time limit of this store, in milliseconds. Without it, only the time
    /// budget of the whole request applies.
    #[serde(default)]
    #[schemars(with = "TimeBudget")]
    pub(crate) time_budget_ms: Option<TimeBudget>,

    /// Whether /readyz answers 503 while the store is down. Set it to false for a
    /// store without which most sessions are still found, such as another resolver
    /// that is the last of several stores. Requests that reach the store are
    /// answered with 503 nevertheless.
    #[serde(default = "yes")]
    pub(crate) needed_for_readiness: bool,

    /// Caches the answers of a sqlite:, redis:, https: or http: store in memory.
    /// Changes by any process are served within 100 ms; answers of another resolver,
    /// which reports no changes, expire by their time to live. A table sets the size
    /// and the lifetimes; false asks the store for every request.
    #[serde(default)]
    #[schemars(with = "CacheSwitch")]
    pub(crate) cache: Option<CacheSwitch>,

    /// More settings of a redis: store.
    #[serde(default)]
    #[schemars(with = "Redis")]
    pub(crate) redis: Option<Redis>,

    /// More settings of an https: or http: store.
    #[serde(default)]
    #[schemars(with = "Upstream")]
    pub(crate) upstream: Option<Upstream>,
}

fn yes() -> bool {
    true
}

impl Store {
    /// Returns what the URL and the other settings name.
    pub(crate) fn store_url(&self) -> Result<StoreUrl, InvalidStoreUrl> {
        Ok(match (self.url.parse()?, &self.redis, &self.upstream) {
            (StoreUrl::Redis(config), Some(redis), _) => {
                StoreUrl::Redis(Box::new(redis.apply(*config)))
            }
            (StoreUrl::Upstream(config), _, Some(upstream)) => {
                StoreUrl::Upstream(Box::new(upstream.apply(*config)))
            }
            (url, ..) => url,
        })
    }

    /// Returns the settings of the cache, if there is one.
    pub(crate) fn cache(&self) -> Option<Cache> {
        match &self.cache {
            _ if self.url.is_in_memory() => None,
            Some(CacheSwitch::Is(false)) => None,
            Some(CacheSwitch::Is(true)) | None => Some(Cache::default()),
            Some(CacheSwitch::With(cache)) => Some(cache.clone()),
        }
    }
}

/// Switches the cache on or off, or configures it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum CacheSwitch {
    Is(bool),
    With(Cache),
}

impl JsonSchema for CacheSwitch {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "CacheSwitch".into()
    }

    /// The schema of a table does not restrict other types.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Cache::json_schema(generator);
        schema.insert("type".to_owned(), json!(["boolean", "object"]));
        schema
    }
}

/// The cache of a store. While the changes of the store cannot be followed, the
/// store is asked for every request. If the store does not report changes, such
/// as another resolver or a Redis without RESP3, cached answers expire by their
/// time to live.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Cache {
    /// The maximum memory, in bytes.
    pub(crate) max_bytes: CacheBytes,

    /// How long a cached session is still served while the store is down, in
    /// milliseconds. 0 for not at all.
    pub(crate) stale_if_error_ms: StaleIfError,

    /// If the store does not report changes: how long a session is served from
    /// the cache, in milliseconds. 0 for not at all.
    pub(crate) ttl_ms: Ttl,

    /// The same for the answer that there is no such session, in milliseconds.
    pub(crate) negative_ttl_ms: Ttl,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            max_bytes: CacheBytes::of::<{ 256 << 20 }>(),
            stale_if_error_ms: StaleIfError::of::<0>(),
            // Like the delay of changes to a session file.
            ttl_ms: Ttl::of::<2_000>(),
            negative_ttl_ms: Ttl::of::<1_000>(),
        }
    }
}

/// TLS. Files that change are read again without a restart; other paths need
/// one. Every block of a file must be a certificate or a key that belongs in it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// The certificate chain, PEM. It must name the host of the gateway's
    /// resolver URL (subject alternative name).
    #[schemars(length(min = 1), extend("format" = "path"))]
    pub(crate) certificate_file: PathBuf,

    /// The key of the certificate, PEM.
    #[schemars(length(min = 1), extend("format" = "path"))]
    pub(crate) key_file: PathBuf,

    /// The CA of the gateways' certificates, PEM. If it is set, callers without
    /// a certificate of this CA are refused.
    #[serde(default)]
    #[schemars(with = "PathBuf", length(min = 1), extend("format" = "path"))]
    pub(crate) client_ca_file: Option<PathBuf>,
}

/// The allowed callers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Callers {
    /// The networks of the gateways. Callers from other networks get 403. Without
    /// this list, every caller is allowed.
    #[schemars(with = "Vec<NetworkText>", length(min = 1))]
    pub(crate) allowed_networks: Option<Vec<Network>>,
}

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

/// The admin API.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Admin {
    /// The file of the bearer tokens and their roles. It is read again when it
    /// changes.
    #[schemars(length(min = 1), extend("format" = "path"))]
    pub(crate) tokens_file: PathBuf,

    /// The name of the store that is administered. Not needed if there is only
    /// one store.
    #[serde(default)]
    #[schemars(with = "StoreName")]
    pub(crate) store: Option<StoreName>,

    /// How often sessions that expired long ago are removed from the store, in
    /// milliseconds; 0 for never. The default is 300000. A redis: store, which
    /// removes them itself an hour after they expired, is swept only if this is
    /// set.
    #[serde(default)]
    #[schemars(with = "SweepInterval")]
    pub(crate) sweep_interval_ms: Option<SweepInterval>,

    /// How long a session is kept after it expired, in milliseconds: until it is
    /// removed, the reason of its 404 is "expired", and then "unknown".
    #[serde(default = "Admin::default_keep_expired")]
    pub(crate) keep_expired_ms: KeepExpired,

    /// Permits the admin API without [ops.tls] on an address that other
    /// machines can reach: anyone on the network path can then read the tokens.
    /// Use it only with a proxy or a network that encrypts.
    #[serde(default)]
    pub(crate) allow_plaintext: bool,
}

impl Admin {
    pub(super) const DEFAULT_SWEEP_INTERVAL: SweepInterval = SweepInterval::of::<300_000>();

    /// A day: the cause of a failure can still be found the next morning.
    fn default_keep_expired() -> KeepExpired {
        KeepExpired::of::<86_400_000>()
    }
}

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

/// The limits of callers and connections.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// The maximum number of connections of each listener. At the limit, the
    /// longest idle connection is closed for each new one; while none is idle,
    /// new ones wait. A change needs a restart.
    pub(crate) max_connections: Limit,

    /// The maximum number of connections from one address, or one IPv6 network
    /// of 64 bits. Further connections are closed, unless an idle one of the
    /// same peer can be closed instead. The default is half of max_connections.
    /// A change needs a restart.
    #[schemars(with = "Limit")]
    pub(crate) max_connections_per_peer: Option<Limit>,

    /// The maximum number of concurrent requests. Further requests get 503 at
    /// once. The default is high, so that many clients that return at the same
    /// time are served within the time budget and not refused.
    pub(crate) max_in_flight: Limit,

    /// The maximum number of requests per second from one caller's address;
    /// further requests get 429. Without it, there is no such limit.
    #[schemars(with = "Limit")]
    pub(crate) requests_per_second: Option<Limit>,

    /// How many requests a caller may send at once. The default is
    /// requests_per_second.
    #[schemars(with = "Limit")]
    pub(crate) burst: Option<Limit>,

    /// How long a client may take to send the head of a request. A change needs
    /// a restart.
    pub(crate) header_read_timeout_ms: ClientTimeout,

    /// How long a connection is kept open between requests. Choose more than
    /// the clients do, which is up to 90 s: then a client never sends a request
    /// on a connection that is just being closed. A change needs a restart.
    pub(crate) idle_timeout_ms: ClientTimeout,

    /// How long a client may stop reading while an answer is being sent. A
    /// change needs a restart.
    pub(crate) write_timeout_ms: ClientTimeout,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: Limit::of::<4096>(),
            max_connections_per_peer: None,
            max_in_flight: Limit::of::<2048>(),
            requests_per_second: None,
            burst: None,
            header_read_timeout_ms: ClientTimeout::of::<5_000>(),
            idle_timeout_ms: ClientTimeout::of::<120_000>(),
            write_timeout_ms: ClientTimeout::of::<30_000>(),
        }
    }
}

impl Default for Ops {
    fn default() -> Self {
        Self {
            listen: Listen::At(ListenAddress::Ip((Ipv4Addr::LOCALHOST, 9001).into())),
            tls: None,
        }
    }
}

/// The shutdown at SIGTERM. SIGINT skips the drain, and a second signal ends it.
/// A change needs a restart.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Shutdown {
    /// How long requests are still accepted while /readyz answers 503, so that
    /// callers go elsewhere before the listener is closed, in milliseconds.
    pub(crate) drain_ms: Period,

    /// How long requests in flight may take after the drain, in milliseconds.
    pub(crate) grace_ms: Period,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            drain_ms: Period::of::<5_000>(),
            grace_ms: Period::of::<10_000>(),
        }
    }
}

/// The log, on standard error.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    /// The format. A change needs a restart.
    pub(crate) format: LogFormat,

    /// The level: error, warn, info, debug or trace, or directives as in
    /// RUST_LOG, which overrides this.
    pub(crate) level: LogDirectives,

    /// The time in which repeated failures of one kind, and requests of one
    /// caller that are rejected for the same reason, are logged only once, with
    /// their number, in milliseconds. 0 logs each of them.
    pub(crate) dedup_window_ms: Period,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Auto,
            level: LogDirectives::default(),
            dedup_window_ms: Period::of::<10_000>(),
        }
    }
}

/// Traces for an OpenTelemetry collector, in builds with the feature otel.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Telemetry {
    /// The URL of the collector for OTLP over HTTP, such as
    /// "http://127.0.0.1:4318". Without it, nothing is exported. A change needs
    /// a restart.
    #[schemars(with = "Endpoint")]
    pub(crate) otlp_endpoint: Option<Endpoint>,
}
