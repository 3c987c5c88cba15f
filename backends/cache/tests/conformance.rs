//! The contract of a store, through a cache.
//!
//! As `CachedStore` answers what the store held at most so long ago, the fixtures
//! state their bound, and the `shared` battery, in which another process writes,
//! holds them to it. The other batteries write through the cache or before it is
//! opened, where no age is allowed.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_cache::{CacheConfig, CachedStore};
use dcv_resolver_conformance::{Fixture, conformance, register_each};
use dcv_resolver_core::testing::ManualClock;
use dcv_resolver_core::{ChangeEvent, MemoryStore, SessionRecord};

type Store = CachedStore<Arc<MemoryStore>>;

macro_rules! fixture {
    ($fixture:ident, $bound:expr, $open:expr) => {
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

            fn max_staleness(&self) -> Duration {
                $bound
            }
        }
    };
}

fn config() -> CacheConfig {
    CacheConfig::default().clock(ManualClock::default())
}

/// Longer than any rule takes.
const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(30);

fn confirmed_once(store: Arc<MemoryStore>, bound: Duration) -> Store {
    let store = CachedStore::new(store, config().max_staleness(bound));
    let now = tokio::time::Instant::now().into_std();
    store.listener().on_change(ChangeEvent::CaughtUp(now));
    store
}

fn with_lifetimes(store: Arc<MemoryStore>, lifetime: Duration) -> Store {
    let config = config().ttl(lifetime).negative_ttl(lifetime);
    CachedStore::new(store, config)
}

fixture!(Lifetimes, LONG, |store| with_lifetimes(store, LONG));
fixture!(ShortLifetimes, SHORT, |store| with_lifetimes(store, SHORT));
fixture!(NoLifetimes, Duration::ZERO, |store| {
    with_lifetimes(store, Duration::ZERO)
});

fixture!(Driven, LONG, |store| confirmed_once(store, LONG));
// Its driver falls silent.
fixture!(BrieflyDriven, SHORT, |store| confirmed_once(store, SHORT));

fixture!(Lost, Duration::ZERO, |store| {
    let store = CachedStore::new(store, config());
    store.listener().on_change(ChangeEvent::Disconnected);
    store
});

fixture!(Untold, SHORT, |store| {
    let store = with_lifetimes(store, SHORT);
    store.listener().on_change(ChangeEvent::Unsupported);
    store
});

fixture!(Tiny, LONG, |store| CachedStore::new(
    store,
    config().max_bytes(4096)
));

mod lifetimes {
    use super::*;
    conformance!(read, list, registry, import; Lifetimes);
}

mod short_lifetimes {
    use super::*;
    conformance!(read, list, registry, import, durability, shared; ShortLifetimes);
}

mod no_lifetimes {
    use super::*;
    conformance!(read, list, registry, import, durability, shared; NoLifetimes);
}

mod driven {
    use super::*;
    conformance!(read, list, registry, import; Driven);
}

mod briefly_driven {
    use super::*;
    conformance!(read, list, registry, import, durability, shared; BrieflyDriven);
}

mod lost {
    use super::*;
    conformance!(read, list, registry, import, durability, shared; Lost);
}

mod untold {
    use super::*;
    conformance!(read, list, registry, import, durability, shared; Untold);
}

mod tiny {
    use super::*;
    conformance!(read, list, registry, import; Tiny);
}
