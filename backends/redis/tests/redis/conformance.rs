//! The contract, over each topology. The servers are shared by all rules of a
//! topology; each rule has a key prefix of its own.

use std::sync::atomic::{AtomicU32, Ordering};

use dcv_resolver_conformance::{Fixture, register_each};
use dcv_resolver_core::SessionRecord;
use dcv_resolver_redis::{RedisConfig, RedisStore};
use tokio::sync::OnceCell;

use crate::support::{Cluster, Sentinels, Server, patient};

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
        let config = patient(RedisConfig::from_url(&self.url).unwrap());
        RedisStore::new(config.key_prefix(&self.prefix))
    }
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
        }
    };
}

over!(single, Server);
over!(sentinel, Sentinels);
over!(cluster, Cluster);
