//! The contract, over each topology. The servers are shared by all rules of a
//! topology; each rule has a key prefix of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dcv_resolver_cache::{CacheConfig, CachedStore};
use dcv_resolver_conformance::{
    ChangingFixture, Fixture, OutageFixture, deregister, register_each,
};
use dcv_resolver_core::testing::ManualClock;
use dcv_resolver_core::{ChangeSource, SessionId, SessionRecord};
use dcv_resolver_redis::RedisStore;
use tokio::sync::OnceCell;

use crate::support::{Cluster, Proxy, Sentinels, Server, patient};

struct Place {
    url: String,
    prefix: String,
}

impl Place {
    fn new(url: String) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // A prefix that is no pattern to be matched.
        let prefix = format!("rule[{number}]*:");
        Self { url, prefix }
    }

    fn open(&self) -> RedisStore {
        // The rules are not about waiting.
        let config = patient(self.url.parse().unwrap());
        RedisStore::new(config.key_prefix(&self.prefix))
    }
}

/// Longer than the pause between two heartbeats, so that something is served
/// from memory.
const STALENESS_BOUND: Duration = Duration::from_millis(300);

/// `store` behind a cache that watches changes until the rule's runtime
/// ends.
fn cached(store: RedisStore) -> CachedStore<Arc<RedisStore>> {
    let config = CacheConfig::default()
        .max_staleness(STALENESS_BOUND)
        .clock(ManualClock::default());
    let store = Arc::new(store);
    let cached = CachedStore::new(Arc::clone(&store), config);
    tokio::spawn(store.watch_changes(cached.listener()));
    cached
}

macro_rules! over {
    ($topology:ident, $servers:ident) => {
        mod $topology {
            use super::*;

            static SERVERS: OnceCell<$servers> = OnceCell::const_new();

            struct RedisFixture(Place);

            impl Fixture for RedisFixture {
                type Store = RedisStore;

                async fn new() -> Self {
                    Self(Place::new(SERVERS.get_or_init($servers::start).await.url()))
                }

                async fn seed(&self, records: &[SessionRecord]) {
                    register_each(&self.0.open(), records, self.t0()).await;
                }

                async fn open(&self) -> RedisStore {
                    self.0.open()
                }
            }

            dcv_resolver_conformance::conformance!(
                #[ignore = "needs redis-server"]
                read, list, registry, import, durability, shared;
                RedisFixture
            );

            struct CachedFixture(RedisFixture);

            impl Fixture for CachedFixture {
                type Store = CachedStore<Arc<RedisStore>>;

                async fn new() -> Self {
                    Self(RedisFixture::new().await)
                }

                async fn seed(&self, records: &[SessionRecord]) {
                    self.0.seed(records).await;
                }

                async fn open(&self) -> Self::Store {
                    cached(self.0.open().await)
                }

                fn max_staleness(&self) -> Duration {
                    STALENESS_BOUND
                }
            }

            /// What others do; the rest is the same as with any store behind.
            mod behind_a_cache {
                use super::*;
                dcv_resolver_conformance::conformance!(
                    #[ignore = "needs redis-server"]
                    durability, shared;
                    CachedFixture
                );
            }
        }
    };
}

/// A server behind a proxy, which can cut it off. The others are cut off
/// elsewhere.
mod behind_a_proxy {
    use super::*;

    static SERVER: OnceCell<Server> = OnceCell::const_new();

    struct Proxied {
        direct: Place,
        proxy: Proxy,
        place: Place,
    }

    impl Fixture for Proxied {
        type Store = RedisStore;

        async fn new() -> Self {
            let server = SERVER.get_or_init(Server::start).await;
            let proxy = Proxy::start(server.port).await;
            let direct = Place::new(server.url());
            let place = Place {
                url: format!("redis://127.0.0.1:{}", proxy.port),
                prefix: direct.prefix.clone(),
            };
            Self {
                direct,
                proxy,
                place,
            }
        }

        async fn seed(&self, records: &[SessionRecord]) {
            register_each(&self.direct.open(), records, self.t0()).await;
        }

        async fn open(&self) -> RedisStore {
            self.place.open()
        }
    }

    impl OutageFixture for Proxied {
        async fn cut(&self) {
            self.proxy.cut();
        }

        async fn restore(&self) {
            self.proxy.restore();
        }
    }

    impl ChangingFixture for Proxied {
        async fn set(&self, record: &SessionRecord) {
            self.seed(std::slice::from_ref(record)).await;
        }

        async fn remove(&self, id: &SessionId) {
            deregister(&self.direct.open(), id).await;
        }
    }

    dcv_resolver_conformance::conformance!(
        #[ignore = "needs redis-server"]
        outage, outage_registry, changes, changes_registry;
        Proxied
    );
}

over!(single, Server);
over!(sentinel, Sentinels);
over!(cluster, Cluster);
