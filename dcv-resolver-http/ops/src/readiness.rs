//! [`Readiness`]: whether this process can take requests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dcv_resolver_core::{NamedStore, Resolver, SessionRegistry};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::health_event::HealthEvent;
use crate::ping::{PING_TIMEOUT, ping};
use crate::report::{ReadyState, Report};
use crate::store_health::StoreHealth;
use crate::write_health::{CHECK_PERIOD, WriteHealth};

/// How often each store is pinged.
const PERIOD: Duration = Duration::from_secs(1);
/// How much older than its outage the last success of a store can be, counted
/// from when that ping was sent. At worst, a period and a slow ping pass on each
/// side of the outage:
///
/// - Before it: one period after the last success, the next ping is sent. It
///   takes almost [`PING_TIMEOUT`], and the outage begins just in time to fail
///   it.
/// - After it: a ping that was sent just before the end fails. One period later,
///   the next ping is sent, and takes almost [`PING_TIMEOUT`] to succeed.
const SLACK: Duration = PERIOD.saturating_add(PING_TIMEOUT).saturating_mul(2);

/// The readiness of this process to take requests from gateways.
///
/// The process is ready when each store has answered recently, until it
/// [drains](Self::drain):
///
/// - **At the start**, the process is not ready until each store has answered
///   once.
/// - **A short outage changes nothing.** While a store is down for less than
///   the [grace period](Self::with_grace), the process stays ready: the gateway
///   gets an error for each failed request anyway, and removing all replicas at
///   once because of the store that they share would turn a short outage into a
///   long one. An outage that lasts 4 s longer than the grace period is always
///   detected; whether a shorter one is detected depends on when the pings were
///   sent. The first successful ping ends the outage.
/// - **After a pause of the process** (stopped, swapped out), no ping is
///   recent. The stores are pinged at once, and the process is ready when they
///   have answered. It is also not ready while nothing polls
///   [`watch`](Self::watch).
/// - **A reload changes nothing** either; see
///   [`watch_stores`](Self::watch_stores).
/// - **A store that few requests reach** may be down, if
///   [`watch_stores`](Self::watch_stores) names it as optional.
/// - **A store that is not writable changes nothing** either, since sessions
///   can still be found. The [`Report`] names it; see
///   [`watch_registries`](Self::watch_registries).
///
/// Clones share everything. The library starts no task: spawn
/// [`watch`](Self::watch).
///
/// ```
/// use dcv_resolver_core::{MemoryStore, Resolver};
/// use dcv_resolver_ops::{Readiness, ReadyState};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let readiness = Readiness::new(&Resolver::new(MemoryStore::new()));
/// assert!(!readiness.report().ready);
///
/// tokio::spawn(readiness.watch());
/// # tokio::time::sleep(std::time::Duration::from_millis(1)).await;
/// // A moment later:
/// assert_eq!(readiness.report().state, ReadyState::Serving);
///
/// readiness.drain();
/// assert!(!readiness.report().ready);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Readiness(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// How recent the last success of each store must be.
    max_success_age: Duration,
    health: Mutex<Health>,
    replaced: Notify,
}

#[derive(Debug)]
struct Health {
    is_draining: bool,
    /// Whether the last event that was logged says "ready".
    was_ready: bool,
    stores: Vec<StoreHealth>,
    registries: Vec<WriteHealth>,
    /// The names of stores that may be down.
    optional: Vec<Arc<str>>,
}

impl Readiness {
    /// Creates the readiness of the stores of `resolver`, with a grace period
    /// of 10 s. Every store is required.
    #[must_use]
    pub fn new(resolver: &Resolver) -> Self {
        Self::with_grace(resolver, Duration::from_secs(10))
    }

    /// Creates the readiness of the stores of `resolver`. Every store is required,
    /// and may be down for `grace` without making the process unready. With
    /// [`Duration::MAX`] the process stays ready once its stores have answered.
    #[must_use]
    pub fn with_grace(resolver: &Resolver, grace: Duration) -> Self {
        let stores = resolver.stores().iter();
        Self(Arc::new(Inner {
            max_success_age: grace.saturating_add(SLACK),
            health: Mutex::new(Health {
                is_draining: false,
                was_ready: false,
                stores: stores.map(|named| StoreHealth::new(named, None)).collect(),
                registries: Vec::new(),
                optional: Vec::new(),
            }),
            replaced: Notify::new(),
        }))
    }

    /// Pings each store once a second, as long as the future is polled.
    ///
    /// A ping may take 1 s, and stores are pinged concurrently, so a store that
    /// hangs delays no other. A panic in a store counts as a failed ping. A
    /// store that blocks its thread cannot be interrupted.
    ///
    /// Changes are logged, with the target `dcv_resolver::readiness`: each
    /// store that stops or resumes answering, each new error of it, and whether
    /// the process is ready.
    pub fn watch(&self) -> impl Future<Output = ()> + Send + use<> {
        let inner = Arc::clone(&self.0);
        async move { inner.watch().await }
    }

    /// Also checks, every 10 s, whether the stores with these names are
    /// writable, with
    /// [`check_writable`](dcv_resolver_core::SessionRegistry::check_writable).
    /// Replaces the stores of earlier calls; a store that is the same object
    /// keeps its state.
    ///
    /// The result is in the [`Report`], the metrics and, if it changes, in the
    /// log. The process stays ready: its sessions can be found.
    pub fn watch_registries(
        &self,
        registries: impl IntoIterator<Item = (Arc<str>, Arc<dyn SessionRegistry>)>,
    ) {
        let registries = registries
            .into_iter()
            .map(|(store, registry)| WriteHealth::new(store, registry));
        self.0.change(|health| {
            let before = &health.registries;
            let registries = registries.map(|new| {
                let known = before.iter().find(|known| known.is_same_registry(&new));
                known.cloned().unwrap_or(new)
            });
            health.registries = registries.collect();
            None
        });
        self.0.replaced.notify_one();
    }

    /// Watches the stores of `resolver` from now on, instead of the stores that
    /// were watched before, as after a reload. The process may be ready while the
    /// stores with the names in `optional` are down, or have not answered yet.
    ///
    /// A store that is the same object keeps its state. Another object, even of
    /// the same name, may lead to another server and is pinged at once. Until
    /// it has answered, it inherits the oldest success of the former stores
    /// that were required: a process that was ready stays ready for as long as it
    /// would have without the reload, a process that was not ready does not
    /// become ready, and repeated reloads do not extend this time. If no former
    /// store was required, the time begins with the reload.
    ///
    /// An optional store is one that few requests reach, such as an older
    /// resolver at the end of a chain. It is still pinged and still in the
    /// [`Report`], and a request that reaches it while it is down still fails.
    /// To start with an optional store, call this function right after
    /// [`new`](Self::new), with the same resolver.
    ///
    /// ```
    /// # use dcv_resolver_core::{MemoryStore, Resolver};
    /// # use dcv_resolver_ops::Readiness;
    /// # let readiness = Readiness::new(&Resolver::new(MemoryStore::new()));
    /// // Every store is required.
    /// let resolver = Resolver::new(MemoryStore::new());
    /// readiness.watch_stores(&resolver, []);
    ///
    /// let resolver = Resolver::builder()
    ///     .store("own", MemoryStore::new())
    ///     .store("broker", MemoryStore::new())
    ///     .build()?;
    /// readiness.watch_stores(&resolver, ["broker".into()]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn watch_stores(&self, resolver: &Resolver, optional: impl IntoIterator<Item = Arc<str>>) {
        let optional = optional.into_iter().collect();
        // One change: a probe must not see the new stores with the former names.
        self.0.change(|health| {
            let before = &health.stores;
            let required = before.iter().filter(|store| health.is_required(store));
            let oldest = required.map(StoreHealth::success).min();
            let inherited = oldest.unwrap_or_else(|| Some(Instant::now()));
            let stores = resolver.stores().iter().map(|named| {
                match before.iter().find(|store| store.is_same_store(named)) {
                    Some(known) => known.clone(),
                    None => StoreHealth::new(named, inherited),
                }
            });
            health.stores = stores.collect();
            health.optional = optional;
            None
        });
        self.0.replaced.notify_one();
    }

    /// Sets the warnings about `store`: what is likely to go wrong although it
    /// answers, such as a server that drops sessions when its memory is full.
    /// The warnings replace the earlier ones of the store and are part of the
    /// report, but do not change the state.
    pub fn set_warnings(&self, store: &str, warnings: Vec<String>) {
        self.0.change(|health| {
            let mut stores = health.stores.iter_mut();
            if let Some(store) = stores.find(|it| &**it.named().name() == store) {
                store.warnings = warnings;
            }
            None
        });
    }

    /// Makes the process unready at once and permanently, before it shuts down:
    /// load balancers and gateways that probe it send their requests elsewhere.
    pub fn drain(&self) {
        self.0.change(|health| {
            health.is_draining = true;
            None
        });
    }

    /// Returns whether the process is ready now, and the state of each store.
    #[must_use]
    pub fn report(&self) -> Report {
        let health = self.0.lock();
        health.report(Instant::now(), self.0.max_success_age)
    }
}

impl Inner {
    async fn watch(&self) {
        let mut ticks = interval(PERIOD);
        // After a pause one ping is enough.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut checks = interval(CHECK_PERIOD);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pings = FuturesUnordered::new();
        let mut writes = FuturesUnordered::new();
        loop {
            let (stores, registries) = tokio::select! {
                _ = ticks.tick() => (self.stores(false), Vec::new()),
                _ = checks.tick() => (Vec::new(), self.registries(false)),
                () = self.replaced.notified() => (self.stores(true), self.registries(true)),
                Some(()) = pings.next() => continue,
                Some(()) = writes.next() => continue,
            };
            for store in stores {
                pings.push(self.ping(store));
            }
            for registry in registries {
                writes.push(self.check(registry));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Health> {
        // Nothing panics in the middle of a change.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stores(&self, only_new: bool) -> Vec<NamedStore> {
        let health = self.lock();
        let stores = health.stores.iter();
        stores
            .filter(|store| !only_new || store.is_new())
            .map(|store| store.named().clone())
            .collect()
    }

    async fn ping(&self, named: NamedStore) {
        let sent = Instant::now();
        let result = ping(named.store().as_ref()).await;
        self.change(|health| {
            let mut stores = health.stores.iter_mut();
            // It may have been replaced meanwhile.
            let store = stores.find(|store| store.is_same_store(&named))?;
            store.record(sent, &result)
        });
    }

    fn registries(&self, only_new: bool) -> Vec<WriteHealth> {
        let health = self.lock();
        let registries = health.registries.iter();
        registries
            .filter(|registry| !only_new || registry.is_new())
            .cloned()
            .collect()
    }

    async fn check(&self, registry: WriteHealth) {
        let result = registry.check().await;
        self.change(|health| {
            let mut registries = health.registries.iter_mut();
            // It may have been replaced meanwhile.
            let registry = registries.find(|known| known.is_same_registry(&registry))?;
            registry.record(&result)
        });
    }

    /// Makes a change, and then logs its event and whether the process has become
    /// ready or unready.
    fn change(&self, change: impl FnOnce(&mut Health) -> Option<HealthEvent>) {
        let (event, change_of_state) = {
            let mut health = self.lock();
            let event = change(&mut health);
            let Report { ready, state, .. } = health.report(Instant::now(), self.max_success_age);
            let was_ready = std::mem::replace(&mut health.was_ready, ready);
            (event, (ready != was_ready).then_some(state))
        };
        // Without the lock: a subscriber may ask for a report.
        if let Some(event) = event {
            event.log();
        }
        match change_of_state {
            None => {}
            Some(ReadyState::Serving) => {
                tracing::info!(target: "dcv_resolver::readiness", "ready");
            }
            Some(state) => {
                tracing::warn!(
                    target: "dcv_resolver::readiness",
                    state = state.as_str(),
                    "not ready",
                );
            }
        }
    }
}

impl Health {
    fn is_required(&self, store: &StoreHealth) -> bool {
        !self.optional.contains(store.named().name())
    }

    fn report(&self, now: Instant, max_success_age: Duration) -> Report {
        let stores = self.stores.iter();
        let is_fine = |store: &StoreHealth| {
            store.is_trusted(now, max_success_age) || !self.is_required(store)
        };
        let state = if self.is_draining {
            ReadyState::Draining
        } else if stores.clone().all(is_fine) {
            ReadyState::Serving
        } else {
            ReadyState::StoreDown
        };
        Report {
            ready: state == ReadyState::Serving,
            state,
            stores: stores
                .map(|store| {
                    let mut report = store.report(now, max_success_age);
                    report.required = self.is_required(store);
                    let mut registries = self.registries.iter();
                    let registry = registries.find(|known| **known.store() == *report.store);
                    if let Some(result) = registry.and_then(WriteHealth::result) {
                        report.writable = Some(result.is_ok());
                        report.write_error = result.err().map(str::to_owned);
                    }
                    report
                })
                .collect(),
        }
    }
}
