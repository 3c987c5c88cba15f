//! [`Readiness`]: whether gateways may be sent here.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dcv_resolver_core::{NamedStore, Resolver};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::report::{ReadyState, Report, StoreState};
use super::watchee::{StoreNews, Watchee};
use crate::Metrics;
use crate::guarded::guarded;

/// How often each store is pinged.
const PERIOD: Duration = Duration::from_secs(1);
/// How long a ping may take.
const PING_TIME: Duration = Duration::from_secs(1);
/// How much longer than it was out a store can look silent. At worst the
/// outage began in the last moment of a slow ping, a period after the last one
/// that was answered, and ended in the first moment of another, so that only
/// the one after that is answered, and slowly.
const SLACK: Duration = PERIOD
    .saturating_add(PING_TIME)
    .saturating_add(PERIOD)
    .saturating_add(PING_TIME);

/// Whether gateways may be sent to this process.
///
/// It is ready when every store has answered lately, and until it is a
/// [lame duck](Self::lame_duck):
///
/// - **A process starts without its stores**, and is not ready before each of
///   them has answered once.
/// - **A hiccup is not seen.** While a store is out for less than the
///   [grace](Self::with_grace) the process stays ready: the gateway is told of
///   each failure anyhow, and to take every replica away at once for the
///   hiccup of a store that they share would make an outage of it. A store
///   that is out for the grace and 4 s more is always seen; in between it
///   depends on when it was asked. The first answer ends it.
/// - **A process that stood still** (stopped, swapped out) has no recent
///   answers, and is not ready until its stores, which are asked at once, have
///   answered again. So is one whose stores nobody asks any more.
/// - **A reload is not seen** either, see
///   [`replace_stores`](Self::replace_stores).
///
/// Clones share everything. The library starts no task: spawn
/// [`watch`](Self::watch).
///
/// ```
/// use dcv_resolver_core::{MemoryStore, Resolver};
/// use dcv_resolver_http::ops::{Readiness, ReadyState};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let readiness = Readiness::new(&Resolver::new(MemoryStore::new()));
/// assert!(!readiness.report().ready);
///
/// tokio::spawn(readiness.clone().watch());
/// # tokio::time::sleep(std::time::Duration::from_millis(1)).await;
/// // A moment later:
/// assert_eq!(readiness.report().state, ReadyState::Serving);
///
/// readiness.lame_duck();
/// assert!(!readiness.report().ready);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Readiness(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// How long evidence is good for.
    patience: Duration,
    watched: Mutex<Watched>,
    replaced: Notify,
}

#[derive(Debug)]
struct Watched {
    is_lame_duck: bool,
    /// What was logged last.
    was_ready: bool,
    stores: Vec<Watchee>,
    /// The names of those that were watched before and are no longer.
    gone: BTreeSet<Arc<str>>,
}

impl Readiness {
    /// Watches the stores of `resolver`, with a grace of 10 s.
    #[must_use]
    pub fn new(resolver: &Resolver) -> Self {
        Self::with_grace(resolver, Duration::from_secs(10))
    }

    /// Watches the stores of `resolver`. A store may be out for `grace`
    /// without making the process unready. With [`Duration::MAX`] the process
    /// stays ready once its stores have answered, whatever becomes of them.
    #[must_use]
    pub fn with_grace(resolver: &Resolver, grace: Duration) -> Self {
        let stores = resolver.stores().iter();
        Self(Arc::new(Shared {
            patience: grace.saturating_add(SLACK),
            watched: Mutex::new(Watched {
                is_lame_duck: false,
                was_ready: false,
                stores: stores.map(|named| Watchee::new(named, None)).collect(),
                gone: BTreeSet::new(),
            }),
            replaced: Notify::new(),
        }))
    }

    /// Pings each store once a second, for ever; drop the future to end it.
    ///
    /// A ping may take 1 s, then it is given up: a store that hangs delays no
    /// other. A panic in a store is a failed ping. A store that blocks its
    /// thread cannot be given up.
    ///
    /// Changes are logged, with the target `dcv_resolver::readiness`: each
    /// store that stops or resumes answering, each new reason why it does not,
    /// and whether the process is ready.
    pub async fn watch(self) {
        let mut ticks = interval(PERIOD);
        // After a pause one ping is enough.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pings = FuturesUnordered::new();
        loop {
            let only_new = tokio::select! {
                _ = ticks.tick() => false,
                () = self.0.replaced.notified() => true,
                Some(()) = pings.next() => continue,
            };
            for store in self.0.stores(only_new) {
                pings.push(self.0.ping(store));
            }
        }
    }

    /// Watches the stores of `resolver` instead, as after a reload.
    ///
    /// What is known of a store stays known if it is the same object, and not
    /// merely one of the same name: another object, which may lead to another
    /// server, is asked at once. Until it has answered, the evidence of the
    /// stores before it counts for it, the oldest of them: a process that was
    /// ready stays so for as long as it would have without the reload, one that
    /// was not does not become so, and no number of reloads prolongs it.
    pub fn replace_stores(&self, resolver: &Resolver) {
        self.0.change(|watched| {
            let before = &watched.stores;
            let credit = before.iter().map(Watchee::evidence).min().flatten();
            let stores = resolver.stores().iter().map(|named| {
                match before.iter().find(|watchee| watchee.is(named)) {
                    Some(known) => known.clone().renamed(named),
                    None => Watchee::new(named, credit),
                }
            });
            let after: Vec<_> = stores.collect();
            watched.gone.extend(names(&watched.stores));
            for name in names(&after) {
                watched.gone.remove(&name);
            }
            watched.stores = after;
            Vec::new()
        });
        self.0.replaced.notify_one();
    }

    /// Makes the process unready, at once and for good: it is about to end,
    /// and whoever probes it shall send no more gateways here.
    pub fn lame_duck(&self) {
        self.0.change(|watched| {
            watched.is_lame_duck = true;
            Vec::new()
        });
    }

    /// Whether the process is ready now, and what is known of its stores.
    #[must_use]
    pub fn report(&self) -> Report {
        self.0.lock().report(Instant::now(), self.0.patience)
    }

    /// Writes into `metrics` whether the process is ready, and which stores
    /// answered their last ping; those that are no longer watched are taken
    /// out. [`OpsBuilder`](super::OpsBuilder) does so
    /// before it shows them; do the same where you show them yourself.
    pub fn export(&self, metrics: &Metrics) {
        let (report, gone) = {
            let watched = self.0.lock();
            let report = watched.report(Instant::now(), self.0.patience);
            (report, watched.gone.clone())
        };
        metrics.ready(report.ready);
        for store in gone {
            metrics.forget_store_up(store);
        }
        for store in report.stores {
            metrics.store_up(store.store, store.state == StoreState::Up);
        }
    }
}

fn names(stores: &[Watchee]) -> impl Iterator<Item = Arc<str>> {
    stores.iter().map(|store| Arc::clone(store.named().name()))
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Watched> {
        // Nothing panics half-way through a change.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stores(&self, only_new: bool) -> Vec<NamedStore> {
        let watched = self.lock();
        let stores = watched.stores.iter();
        stores
            .filter(|watchee| !only_new || watchee.is_new())
            .map(|watchee| watchee.named().clone())
            .collect()
    }

    async fn ping(&self, named: NamedStore) {
        let asked = Instant::now();
        let ping = async { named.store().ping().await };
        let result = guarded(asked, PING_TIME, ping).await;
        self.change(|watched| {
            let stores = watched.stores.iter_mut();
            stores
                // None where it was replaced meanwhile, and two where it has
                // two names.
                .filter(|watchee| watchee.is(&named))
                .filter_map(|watchee| watchee.hear(asked, &result))
                .collect()
        });
    }

    /// Makes a change, and then logs what it comes to.
    fn change(&self, change: impl FnOnce(&mut Watched) -> Vec<StoreNews>) {
        let (news, ready) = {
            let mut watched = self.lock();
            let news = change(&mut watched);
            let Report { ready, state, .. } = watched.report(Instant::now(), self.patience);
            let was_ready = std::mem::replace(&mut watched.was_ready, ready);
            (news, (ready != was_ready).then_some((ready, state)))
        };
        // Without the lock, which whoever writes the log may want too.
        for news in news {
            news.log();
        }
        match ready {
            None => {}
            Some((true, _)) => {
                tracing::info!(target: "dcv_resolver::readiness", "ready");
            }
            Some((false, state)) => {
                tracing::warn!(
                    target: "dcv_resolver::readiness",
                    state = state.as_str(),
                    "not ready",
                );
            }
        }
    }
}

impl Watched {
    fn report(&self, now: Instant, patience: Duration) -> Report {
        let stores = self.stores.iter();
        let state = if self.is_lame_duck {
            ReadyState::LameDuck
        } else if stores.clone().all(|store| store.is_trusted(now, patience)) {
            ReadyState::Serving
        } else {
            ReadyState::StoreDown
        };
        Report {
            ready: state == ReadyState::Serving,
            state,
            stores: stores.map(|store| store.report(now, patience)).collect(),
        }
    }
}
