//! [`Limits`]: how much is served at once.

use schemars::JsonSchema;
use serde::Deserialize;

use super::number::Within;

/// How long a client may keep a connection waiting, in milliseconds.
pub(crate) type ClientTimeout = Within<100, 3_600_000>;
/// How many at once, or per second.
pub(crate) type Limit = Within<1, 1_000_000>;

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
