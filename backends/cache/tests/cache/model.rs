//! Random histories, held against what may be answered at all.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_cache::{CacheConfig, CachedStore};
use dcv_resolver_core::{ChangeEvent, ChangeListener, StoreError, StoreErrorKind};
use proptest::prelude::*;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::support::{Backend, advance_ms, cached, id, port, record, settle};
use dcv_resolver_core::{Expiry, SessionId, SessionRecord, SessionStore};

/// What happens next. Ids are numbers below [`IDS`].
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A lookup begins.
    Ask(usize),
    /// A lookup is dropped.
    GiveUp(usize),
    /// A session comes, or has another port.
    Put(usize),
    /// A session goes.
    Remove(usize),
    /// All changes so far are reported, and the source is caught up.
    Report,
    /// They are reported as `AllChanged`.
    ReportAll,
    /// The source is disconnected.
    Disconnect,
    /// It is unsupported.
    Unsupported,
    /// It is caught up again.
    CatchUp,
    /// Calls begin and do not end, or end again.
    Hold,
    Release,
    /// The store fails, or does not any more.
    Fail(bool),
    Advance(u64),
}

const IDS: usize = 3;

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..IDS).prop_map(Step::Ask),
        1 => (0..8_usize).prop_map(Step::GiveUp),
        4 => (0..IDS).prop_map(Step::Put),
        2 => (0..IDS).prop_map(Step::Remove),
        4 => Just(Step::Report),
        1 => Just(Step::ReportAll),
        1 => Just(Step::Disconnect),
        1 => Just(Step::Unsupported),
        2 => Just(Step::CatchUp),
        2 => Just(Step::Hold),
        4 => Just(Step::Release),
        1 => Just(Step::Fail(true)),
        2 => Just(Step::Fail(false)),
        4 => prop_oneof![Just(1), Just(300), Just(1_000), Just(5_000), Just(31_000)]
            .prop_map(Step::Advance),
    ]
}

const TTL: Duration = Duration::from_secs(30);
const NEGATIVE_TTL: Duration = Duration::from_secs(1);
const MAX_STALENESS: Duration = Duration::from_secs(2);

/// The truth, and who waits for it.
struct World {
    store: Arc<CachedStore<Backend>>,
    backend: Backend,
    source: Arc<dyn ChangeListener>,
    has_source: bool,
    stale_if_error: Duration,
    /// The records of each id with the events that set them, oldest first. Events
    /// are counted, since several may happen at the same time.
    history: HashMap<usize, Vec<(usize, Instant, Option<u16>)>>,
    events: usize,
    /// By event: no earlier record of this id may be returned after it.
    barriers: HashMap<usize, usize>,
    /// By event: the same, although the store fails.
    stale_barriers: HashMap<usize, usize>,
    unreported: Vec<usize>,
    has_gap: bool,
    has_failed: bool,
    /// What the age of an answer is bound by.
    by: By,
    asking: Vec<Asking>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Ttl,
    MaxStaleness,
}

type Answer = Result<Option<SessionRecord>, StoreError>;

struct Asking {
    id: usize,
    began: Instant,
    /// What the barriers were then.
    barrier: usize,
    stale_barrier: usize,
    /// What answers were bound by since then.
    by: Vec<By>,
    answer: JoinHandle<Answer>,
}

fn name(index: usize) -> SessionId {
    id(&format!("session-{index}"))
}

impl World {
    fn new(has_source: bool, stale_if_error: Duration) -> Self {
        let backend = Backend::new();
        let config = CacheConfig::default()
            .ttl(TTL)
            .negative_ttl(NEGATIVE_TTL)
            .max_staleness(MAX_STALENESS)
            .stale_if_error(stale_if_error);
        let store = Arc::new(cached(&backend, config));
        let source = store.listener();
        if has_source {
            source.on_change(ChangeEvent::CaughtUp(Instant::now().into_std()));
        }
        Self {
            store,
            backend,
            source,
            has_source,
            stale_if_error,
            history: (0..IDS)
                .map(|id| (id, vec![(0, Instant::now(), None)]))
                .collect(),
            events: 0,
            barriers: (0..IDS).map(|id| (id, 0)).collect(),
            stale_barriers: (0..IDS).map(|id| (id, 0)).collect(),
            unreported: Vec::new(),
            has_gap: false,
            has_failed: false,
            by: if has_source {
                By::MaxStaleness
            } else {
                By::Ttl
            },
            asking: Vec::new(),
        }
    }

    async fn step(&mut self, step: Step) {
        self.events += 1;
        match step {
            Step::Ask(id) => {
                let (store, name) = (Arc::clone(&self.store), name(id));
                self.asking.push(Asking {
                    id,
                    began: Instant::now(),
                    barrier: self.barriers[&id],
                    stale_barrier: self.stale_barriers[&id],
                    by: vec![self.by],
                    answer: tokio::spawn(async move { store.lookup(&name).await }),
                });
            }
            Step::GiveUp(index) if index < self.asking.len() => {
                self.asking.swap_remove(index).answer.abort();
            }
            Step::GiveUp(_) => {}
            Step::Put(id) => {
                // No two records are the same.
                let port = u16::try_from(self.events).unwrap();
                self.backend.put(record(&name(id), port, Expiry::Never));
                self.changed(id, Some(port));
            }
            Step::Remove(id) => {
                self.backend.remove(&name(id));
                self.changed(id, None);
            }
            Step::Report if !self.has_gap => self.report(),
            Step::ReportAll if !self.has_gap => {
                self.source.on_change(ChangeEvent::AllChanged);
                self.unreported.clear();
                self.bar_everything();
                self.bar_everything_stale();
            }
            Step::Disconnect if self.has_source => {
                self.source.on_change(ChangeEvent::Disconnected);
                self.has_gap = true;
                self.go_by(By::MaxStaleness);
                self.bar_everything();
            }
            Step::Unsupported if self.has_source => {
                self.source.on_change(ChangeEvent::Unsupported);
                self.has_gap = true;
                self.go_by(By::Ttl);
                self.bar_everything();
                self.bar_everything_stale();
            }
            Step::CatchUp if self.has_gap => {
                self.source.on_change(ChangeEvent::AllChanged);
                self.source
                    .on_change(ChangeEvent::CaughtUp(Instant::now().into_std()));
                self.has_gap = false;
                self.go_by(By::MaxStaleness);
                self.unreported.clear();
                self.bar_everything();
                self.bar_everything_stale();
            }
            Step::Report
            | Step::ReportAll
            | Step::Disconnect
            | Step::Unsupported
            | Step::CatchUp => {}
            Step::Hold => self.backend.hold(),
            Step::Release => self.backend.release(),
            Step::Fail(fails) => {
                let failure = fails.then_some(StoreErrorKind::Unavailable);
                self.backend.fail(failure);
                self.has_failed |= fails;
            }
            Step::Advance(ms) => advance_ms(ms).await,
        }
        settle().await;
        self.judge().await;
    }

    fn changed(&mut self, id: usize, port: Option<u16>) {
        let change = (self.events, Instant::now(), port);
        self.history.get_mut(&id).unwrap().push(change);
        self.unreported.push(id);
    }

    fn report(&mut self) {
        for id in std::mem::take(&mut self.unreported) {
            self.source.on_change(ChangeEvent::Changed(&name(id)));
            self.barriers.insert(id, self.events);
            self.stale_barriers.insert(id, self.events);
        }
        if self.has_source {
            self.source
                .on_change(ChangeEvent::CaughtUp(Instant::now().into_std()));
        }
    }

    fn go_by(&mut self, by: By) {
        self.by = by;
        self.asking.iter_mut().for_each(|asking| asking.by.push(by));
    }

    fn bar_everything(&mut self) {
        self.barriers = (0..IDS).map(|id| (id, self.events)).collect();
    }

    fn bar_everything_stale(&mut self) {
        self.stale_barriers = (0..IDS).map(|id| (id, self.events)).collect();
    }

    /// Looks at every answer that has come.
    async fn judge(&mut self) {
        let (ended, asking) = std::mem::take(&mut self.asking)
            .into_iter()
            .partition(|asking: &Asking| asking.answer.is_finished());
        self.asking = asking;
        for asked in ended {
            let Ok(found) = asked.answer.await.unwrap() else {
                assert!(self.has_failed, "a lookup failed, and the store never did");
                continue;
            };
            let age = found.as_ref().and_then(SessionRecord::stale_age);
            let found = port(found);
            let bounds = asked.by.iter().map(|by| match (by, found) {
                (By::MaxStaleness, _) => MAX_STALENESS,
                (By::Ttl, Some(_)) => TTL,
                (By::Ttl, None) => NEGATIVE_TTL,
            });
            let bound = bounds.max().unwrap();
            let fresh = self.was(asked.id, found, asked.began, bound, asked.barrier);
            let stale = age.is_some()
                && !self.stale_if_error.is_zero()
                && self.was(
                    asked.id,
                    found,
                    asked.began,
                    bound + self.stale_if_error,
                    asked.stale_barrier,
                );
            assert!(
                fresh || stale,
                "session {} was answered with {found:?}, stale {age:?}, asked at {:?}, barrier {}: {:?}",
                asked.id,
                asked.began,
                asked.barrier,
                self.history[&asked.id],
            );
        }
    }

    /// Whether the session was so at any time from `bound` before it was asked
    /// for until now, and after the barrier.
    fn was(
        &self,
        id: usize,
        found: Option<u16>,
        asked: Instant,
        bound: Duration,
        barrier: usize,
    ) -> bool {
        let history = &self.history[&id];
        history.iter().enumerate().any(|(index, (_, _, was))| {
            // It was so until the next change.
            let lasted = history
                .get(index + 1)
                .is_none_or(|(event, until, _)| *event > barrier && *until + bound >= asked);
            *was == found && lasted
        })
    }
}

fn run(has_source: bool, stale_if_error: Duration, steps: &[Step]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut world = World::new(has_source, stale_if_error);
        for step in steps {
            world.step(*step).await;
        }
        // Every lookup ends.
        world.step(Step::Release).await;
        assert!(world.asking.is_empty(), "a lookup never ended");
    });
}

fn histories() -> u32 {
    std::env::var("DCV_TEST_HISTORIES").map_or(1_000, |histories| histories.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: histories(),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// `DCV_TEST_HISTORIES` says how many; a few are enough for every day.
    #[test]
    fn no_answer_is_older_than_its_bound(
        has_source: bool,
        steps in proptest::collection::vec(step(), 1..80),
    ) {
        run(has_source, Duration::ZERO, &steps);
    }

    /// `DCV_TEST_HISTORIES` says how many here as well.
    #[test]
    fn no_stale_answer_is_older_than_its_bound(
        has_source: bool,
        steps in proptest::collection::vec(step(), 1..80),
    ) {
        run(has_source, Duration::from_secs(10), &steps);
    }
}
