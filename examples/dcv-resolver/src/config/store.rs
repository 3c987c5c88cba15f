//! [`Store`]: a store of the chain.

use schemars::JsonSchema;
use serde::Deserialize;

use super::cache::{Cache, CacheSwitch};
use super::number::TimeBudget;
use super::redis::Redis;
use super::text::StoreName;
use super::upstream::Upstream;
use crate::store_url::{InvalidStoreUrl, StoreText, StoreUrl};

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
    pub(crate) required_for_readiness: bool,

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
