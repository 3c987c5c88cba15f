//! [`Admin`]: the admin API.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::number::Within;
use super::text::StoreName;

/// How often expired sessions are removed, in milliseconds.
pub(crate) type SweepInterval = Within<0, 86_400_000>;
/// How long expired sessions are kept, in milliseconds: up to a year.
pub(crate) type KeepExpired = Within<0, 31_536_000_000>;

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
