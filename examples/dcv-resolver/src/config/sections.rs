//! The sections of a [`Config`](super::Config).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use dcv_resolver_core::{Network, SessionId};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::json;

use super::number::Within;
use super::text::{Endpoint, LabelKey, Listen, NetworkText, SESSION_ID, StoreName};
use crate::log::{Directives, Format};
use crate::store_url::StoreText;

/// A time in which an answer is due, in milliseconds.
pub(crate) type TimeBudget = Within<1, 60_000>;
/// What one client may hold up, in milliseconds.
pub(crate) type Patience = Within<100, 3_600_000>;
/// A pause of the process itself, in milliseconds.
pub(crate) type Pause = Within<0, 600_000>;
/// How long an outage is bridged, in milliseconds.
pub(crate) type StaleFor = Within<0, 86_400_000>;
/// How old an answer may be that nobody tells of changes to, in milliseconds.
pub(crate) type Lifetime = Within<0, 60_000>;
/// The size of a cache, in bytes: 1 MiB to 1 TiB.
pub(crate) type CacheBytes = Within<{ 1 << 20 }, { 1 << 40 }>;
/// How many at once, or a second.
pub(crate) type Most = Within<1, 1_000_000>;

/// One store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Store {
    /// What logs and metrics call it.
    pub(crate) name: StoreName,

    /// Where it is: file:PATH (.toml or .json, read-only), sqlite:PATH,
    /// redis://HOST:PORT, rediss://, redis+sentinel://, redis+cluster:// or
    /// memory:.
    pub(crate) url: StoreText,

    /// The longest that this store is waited for. Without it only the time
    /// budget of the whole request holds.
    #[serde(default)]
    #[schemars(with = "TimeBudget")]
    pub(crate) time_budget_ms: Option<TimeBudget>,

    /// What sqlite: and redis: stores answer is kept in memory, and a change to
    /// it, whoever makes it, served within 100 ms. A table says how much is
    /// kept, and how long; with false the store is asked each time.
    #[serde(default)]
    #[schemars(with = "CacheSwitch")]
    pub(crate) cache: Option<CacheSwitch>,
}

impl Store {
    /// How what it answers is kept, if it is.
    pub(crate) fn cache(&self) -> Option<Cache> {
        match &self.cache {
            _ if self.url.is_in_memory() => None,
            Some(CacheSwitch::Is(false)) => None,
            Some(CacheSwitch::Is(true)) | None => Some(Cache::default()),
            Some(CacheSwitch::With(cache)) => Some(cache.clone()),
        }
    }
}

/// Whether there is a cache, or what it is like.
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

    /// What the schema of a table says of its keys does not bind what is none.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Cache::json_schema(generator);
        schema.insert("type".to_owned(), json!(["boolean", "object"]));
        schema
    }
}

/// Sessions that are kept in memory. While changes cannot be followed the store
/// is asked each time; where the store does not tell of them, such as a Redis
/// without RESP3, what is kept lives by its lifetime.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Cache {
    /// The memory that it may take, in bytes.
    pub(crate) max_bytes: CacheBytes,

    /// While the store is down: for how long a session that is kept is still
    /// served, in milliseconds. 0 for not at all.
    pub(crate) stale_if_error_ms: StaleFor,

    /// Where the store does not tell of changes: for how long a session is
    /// served without asking, in milliseconds. 0 for not at all.
    pub(crate) ttl_ms: Lifetime,

    /// The same for the answer that there is no such session.
    pub(crate) negative_ttl_ms: Lifetime,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            max_bytes: CacheBytes::of::<{ 256 << 20 }>(),
            stale_if_error_ms: StaleFor::of::<0>(),
            // As soon as a session file's changes are served.
            ttl_ms: Lifetime::of::<2_000>(),
            negative_ttl_ms: Lifetime::of::<1_000>(),
        }
    }
}

/// Certificates are read again when their files change, without a restart;
/// other files need one.
#[derive(Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// The certificate chain, PEM. It must name the host of the gateway's
    /// resolver URL (subject alternative name).
    #[schemars(length(min = 1), extend("format" = "path"))]
    pub(crate) certificate_file: PathBuf,

    /// The key of the certificate, PEM.
    #[schemars(length(min = 1), extend("format" = "path"))]
    pub(crate) key_file: PathBuf,

    /// The CA of the gateways' certificates, PEM. With it a caller without a
    /// certificate of this CA is refused.
    #[serde(default)]
    #[schemars(with = "PathBuf", length(min = 1), extend("format" = "path"))]
    pub(crate) client_ca_file: Option<PathBuf>,
}

/// Who may ask.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Callers {
    /// The networks of the gateways. Callers from elsewhere are answered with
    /// 403. Without this list everybody may ask.
    #[schemars(with = "Vec<NetworkText>", length(min = 1))]
    pub(crate) allowed_networks: Option<Vec<Network>>,
}

/// The listener for operators.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Ops {
    /// Its IP address and port, or "off". A change needs a restart.
    pub(crate) listen: Listen,
}

/// The admin API.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Admin {
    /// The bearer tokens that may read, or read and write. It is read again
    /// when it changes.
    #[schemars(length(min = 1), extend("format" = "path"))]
    pub(crate) tokens_file: PathBuf,

    /// The name of the store that is administered. It can be left out where
    /// there is only one store.
    #[serde(default)]
    #[schemars(with = "StoreName")]
    pub(crate) store: Option<StoreName>,
}

/// Which sessions are for whom. Without any every client may have every
/// session.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Policy {
    /// The longest time that a policy may take to decide. Without it only the
    /// time budget of the whole request limits it.
    #[schemars(with = "TimeBudget")]
    pub(crate) time_budget_ms: Option<TimeBudget>,

    /// Sessions for clients of certain networks only.
    #[schemars(with = "ClientNetworks")]
    pub(crate) client_networks: Option<ClientNetworks>,
}

/// The networks that a session's clients may come from. The first of these that
/// there is for a session counts: its own, those of its labels (of several, any
/// will do), the default. A session without any is open to all.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientNetworks {
    /// What a client may do whose address is not known. There is no default:
    /// "allow" lets it reach every session, restricted or not, "deny" only
    /// those that are open to all.
    pub(crate) unknown_client: UnknownClient,

    /// The networks of the load balancers in front of the gateways. The address
    /// of a load balancer says nothing of the client, who counts as unknown.
    #[serde(default)]
    #[schemars(with = "Vec<NetworkText>")]
    pub(crate) load_balancers: Vec<Network>,

    /// The networks for every other session.
    #[serde(default)]
    #[schemars(with = "Vec<NetworkText>")]
    pub(crate) default: Option<Vec<Network>>,

    /// The networks for single sessions, by the id that clients ask for. An
    /// empty list shuts everybody out.
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

/// What a client may do whose address is not known.
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

/// What callers may take.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// The most connections at once. More wait until one of them is closed. A
    /// change needs a restart.
    pub(crate) max_connections: Most,

    /// The most requests at once. More are answered with 503 at once. As many
    /// as connections by default: a crowd of clients that all return in one
    /// moment is served within the time budget, not turned away.
    pub(crate) max_in_flight: Most,

    /// The most requests a second from one caller's address; more are answered
    /// with 429. Without it there is no such limit.
    #[schemars(with = "Most")]
    pub(crate) requests_per_second: Option<Most>,

    /// How many requests a caller may send in one moment. As many as a second
    /// unless given.
    #[schemars(with = "Most")]
    pub(crate) burst: Option<Most>,

    /// How long a client may take to send the head of a request. A change needs
    /// a restart.
    pub(crate) header_read_timeout_ms: Patience,

    /// How long a connection is kept open between requests. A change needs a
    /// restart.
    pub(crate) idle_timeout_ms: Patience,

    /// How long a client may read nothing while an answer waits for it. A
    /// change needs a restart.
    pub(crate) write_timeout_ms: Patience,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: Most::of::<4096>(),
            max_in_flight: Most::of::<2048>(),
            requests_per_second: None,
            burst: None,
            header_read_timeout_ms: Patience::of::<5_000>(),
            idle_timeout_ms: Patience::of::<75_000>(),
            write_timeout_ms: Patience::of::<30_000>(),
        }
    }
}

impl Default for Ops {
    fn default() -> Self {
        Self {
            listen: Listen::At(SocketAddr::from((Ipv4Addr::LOCALHOST, 9001))),
        }
    }
}

/// How the process stops at SIGTERM. SIGINT skips the drain, and a second
/// signal ends it. A change needs a restart.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Shutdown {
    /// How long requests are still taken while /readyz says no already, so that
    /// callers go elsewhere before the door is shut.
    pub(crate) drain_ms: Pause,

    /// How long requests in flight are waited for after that.
    pub(crate) grace_ms: Pause,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            drain_ms: Pause::of::<5_000>(),
            grace_ms: Pause::of::<10_000>(),
        }
    }
}

/// What is written to standard error.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    /// How events are written. A change needs a restart.
    pub(crate) format: Format,

    /// What is written: error, warn, info, debug or trace, or directives as in
    /// RUST_LOG, which counts before this.
    pub(crate) level: Directives,

    /// Repeated failures of one kind are told once in so many milliseconds,
    /// with their number. 0 tells each.
    pub(crate) dedup_window_ms: Pause,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: Format::Auto,
            level: Directives::default(),
            dedup_window_ms: Pause::of::<10_000>(),
        }
    }
}

/// Traces for an OpenTelemetry collector, in builds with the feature otel.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Telemetry {
    /// Where the collector takes OTLP over HTTP, such as
    /// "http://127.0.0.1:4318". Without it nothing is exported. A change needs
    /// a restart.
    #[schemars(with = "Endpoint")]
    pub(crate) otlp_endpoint: Option<Endpoint>,
}
