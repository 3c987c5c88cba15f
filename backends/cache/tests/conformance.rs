//! The contract of a store, through a cache.
//!
//! As `CachedStore` answers what the store held at most so long ago, and the
//! fixtures write through it or before it is opened, no rule comes to see an
//! age of zero to 30 seconds. The `shared` battery does, since another process
//! writes there: it is held to by a cache that keeps nothing.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_cache::{CacheConfig, CachedStore};
use dcv_resolver_conformance::{Fixture, conformance, register_each};
use dcv_resolver_core::testing::ManualClock;
use dcv_resolver_core::{MemoryStore, SessionRecord};

type Store = CachedStore<Arc<MemoryStore>>;

macro_rules! fixture {
    ($fixture:ident, $open:expr) => {
        struct $fixture(Arc<MemoryStore>);

        impl Fixture for $fixture {
            type Store = Store;

            async fn new() -> Self {
                Self(Arc::new(MemoryStore::new()))
            }

            async fn seed(&self, records: &[SessionRecord]) {
                register_each(&*self.0, records, self.t0()).await;
            }

            async fn open(&self) -> Store {
                let open: fn(Arc<MemoryStore>) -> Store = $open;
                open(Arc::clone(&self.0))
            }
        }
    };
}

fn config() -> CacheConfig {
    CacheConfig::default().clock(ManualClock::default())
}

fixture!(Lifetimes, |store| CachedStore::new(store, config()));

fixture!(Driven, |store| {
    // Nobody else writes, so it is current as long as a rule may take.
    let store = CachedStore::new(store, config().staleness_bound(Duration::from_secs(3600)));
    let now = tokio::time::Instant::now().into_std();
    store.listener().confirmed(now);
    store
});

fixture!(Lost, |store| {
    let store = CachedStore::new(store, config());
    store.listener().lost();
    store
});

fixture!(Untold, |store| {
    let store = CachedStore::new(store, config());
    store.listener().untold();
    store
});

fixture!(KeepsNothing, |store| CachedStore::new(
    store,
    config()
        .hit_lifetime(Duration::ZERO)
        .miss_lifetime(Duration::ZERO)
));

fixture!(Tiny, |store| CachedStore::new(
    store,
    config().max_bytes(4096)
));

mod lifetimes {
    use super::*;
    conformance!(read, list, registry, import; Lifetimes);
}

mod driven {
    use super::*;
    conformance!(read, list, registry, import; Driven);
}

mod lost {
    use super::*;
    conformance!(read, list, registry, import; Lost);
}

mod untold {
    use super::*;
    conformance!(read, list, registry, import; Untold);
}

mod keeps_nothing {
    use super::*;
    conformance!(read, list, registry, import, durability, shared; KeepsNothing);
}

mod tiny {
    use super::*;
    conformance!(read, list, registry, import; Tiny);
}
