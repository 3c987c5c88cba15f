//! The contract of a store, through a cache.
//!
//! As `CachedStore` answers what the store held at most so long ago, the fixtures
//! state their bound, and the `shared` battery, in which another process writes,
//! holds them to it. The other batteries write through the cache or before it is
//! opened, where no age is allowed.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_cache::{CacheConfig, CachedStore};
use dcv_resolver_conformance::{Fixture, OutageFixture, conformance, register_each};
use dcv_resolver_core::testing::{FaultyStore, ManualClock};
use dcv_resolver_core::{ChangeEvent, MemoryStore, SessionRecord, StoreErrorKind};

type Memory = FaultyStore<Arc<MemoryStore>>;
type Store = CachedStore<Memory>;

macro_rules! fixture {
    ($fixture:ident, $bound:expr, $open:expr) => {
        struct $fixture(Memory);

        impl Fixture for $fixture {
            type Store = Store;

            async fn new() -> Self {
                Self(FaultyStore::new(Arc::default()))
            }

            async fn seed(&self, records: &[SessionRecord]) {
                register_each(self.0.store(), records, self.t0()).await;
            }

            async fn open(&self) -> Store {
                let open: fn(Memory) -> Store = $open;
                open(self.0.clone())
            }

            fn max_staleness(&self) -> Duration {
                $bound
            }
        }

        impl OutageFixture for $fixture {
            async fn cut(&self) {
                self.0.fail_with(StoreErrorKind::Unavailable);
            }

            async fn restore(&self) {
                self.0.recover();
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

fn caught_up_once(store: Memory, bound: Duration) -> Store {
    let store = CachedStore::new(store, config().max_staleness(bound));
    let now = tokio::time::Instant::now().into_std();
    store.listener().on_change(ChangeEvent::CaughtUp(now));
    store
}

fn with_ttl(store: Memory, ttl: Duration) -> Store {
    let config = config().ttl(ttl).negative_ttl(ttl);
    CachedStore::new(store, config)
}

fixture!(LongTtl, LONG, |store| with_ttl(store, LONG));
fixture!(ShortTtl, SHORT, |store| with_ttl(store, SHORT));
fixture!(ZeroTtl, Duration::ZERO, |store| {
    with_ttl(store, Duration::ZERO)
});

fixture!(CaughtUp, LONG, |store| caught_up_once(store, LONG));
// Its source falls silent.
fixture!(BrieflyCaughtUp, SHORT, |store| caught_up_once(store, SHORT));

fixture!(Disconnected, Duration::ZERO, |store| {
    let store = CachedStore::new(store, config());
    store.listener().on_change(ChangeEvent::Disconnected);
    store
});

// Its outage is known from the first failure on, and the console was cached.
fixture!(Stale, SHORT, |store| {
    let config = config().stale_if_error(LONG);
    let store = CachedStore::new(store, config.max_staleness(SHORT));
    let now = tokio::time::Instant::now().into_std();
    store.listener().on_change(ChangeEvent::CaughtUp(now));
    store.listener().on_change(ChangeEvent::Disconnected);
    store
});

fixture!(Unsupported, SHORT, |store| {
    let store = with_ttl(store, SHORT);
    store.listener().on_change(ChangeEvent::Unsupported);
    store
});

fixture!(Tiny, LONG, |store| CachedStore::new(
    store,
    config().max_bytes(4096)
));

mod long_ttl {
    use super::*;
    conformance!(read, list, registry, import; LongTtl);
}

mod short_ttl {
    use super::*;
    conformance!(
        read, list, registry, import, durability, shared, outage, outage_registry;
        ShortTtl
    );
}

mod zero_ttl {
    use super::*;
    conformance!(
        read, list, registry, import, durability, shared, outage, outage_registry;
        ZeroTtl
    );
}

mod caught_up {
    use super::*;
    conformance!(read, list, registry, import; CaughtUp);
}

mod briefly_caught_up {
    use super::*;
    conformance!(read, list, registry, import, durability, shared; BrieflyCaughtUp);
}

mod disconnected {
    use super::*;
    conformance!(read, list, registry, import, durability, shared; Disconnected);
}

mod stale {
    use super::*;
    conformance!(outage, outage_registry; Stale);
}

mod unsupported {
    use super::*;
    conformance!(read, list, registry, import, durability, shared; Unsupported);
}

mod tiny {
    use super::*;
    conformance!(read, list, registry, import; Tiny);
}
