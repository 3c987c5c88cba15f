//! [`Cache`]: a cache in front of a store.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::json;

use super::number::Within;

/// How long stale answers are served, in milliseconds.
pub(crate) type StaleIfError = Within<0, 86_400_000>;
/// The time to live of a cached answer, in milliseconds.
pub(crate) type Ttl = Within<0, 60_000>;
/// The size of a cache, in bytes: 1 MiB to 1 TiB.
pub(crate) type CacheBytes = Within<{ 1 << 20 }, { 1 << 40 }>;

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
