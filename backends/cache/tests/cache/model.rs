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
    /// Somebody asks.
    Ask(usize),
    /// One who has asked gives up.
    GiveUp(usize),
    /// A session comes, or has another port.
    Put(usize),
    /// A session goes.
    Remove(usize),
    /// What has changed so far is told, and that it is all.
    Tell,
    /// All of it is told at once, without saying what.
    TellAll,
    /// The driver loses track.
    Lose,
    /// It says that it does not tell.
    Refuse,
    /// It tells again.
    Find,
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
        4 => Just(Step::Tell),
        1 => Just(Step::TellAll),
        1 => Just(Step::Lose),
        1 => Just(Step::Refuse),
        2 => Just(Step::Find),
        2 => Just(Step::Hold),
        4 => Just(Step::Release),
        1 => Just(Step::Fail(true)),
        2 => Just(Step::Fail(false)),
        4 => prop_oneof![Just(1), Just(300), Just(1_000), Just(5_000), Just(31_000)]
            .prop_map(Step::Advance),
    ]
}

const HIT_LIFETIME: Duration = Duration::from_secs(30);
const MISS_LIFETIME: Duration = Duration::from_secs(1);
const STALENESS_BOUND: Duration = Duration::from_secs(2);

/// The truth, and who waits for it.
struct World {
    store: Arc<CachedStore<Backend>>,
    backend: Backend,
    driver: Arc<dyn ChangeListener>,
    drives: bool,
    stale_if_error: Duration,
    /// Of each id, what it was from which event on, the last one last. Events
    /// are counted, since several may happen at the same time.
    history: HashMap<usize, Vec<(usize, Instant, Option<u16>)>>,
    events: usize,
    /// By event: nothing of this id from before may be answered after it.
    barriers: HashMap<usize, usize>,
    /// By event: the same, although the store fails.
    stale_barriers: HashMap<usize, usize>,
    untold: Vec<usize>,
    lost: bool,
    /// What the age of an answer is bound by.
    by: By,
    asking: Vec<Asking>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Lifetimes,
    Confirmations,
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
    fn new(drives: bool, stale_if_error: Duration) -> Self {
        let backend = Backend::new();
        let config = CacheConfig::default()
            .ttl(HIT_LIFETIME)
            .negative_ttl(MISS_LIFETIME)
            .max_staleness(STALENESS_BOUND)
            .stale_if_error(stale_if_error);
        let store = Arc::new(cached(&backend, config));
        let driver = store.listener();
        if drives {
            driver.on_change(ChangeEvent::CaughtUp(Instant::now().into_std()));
        }
        Self {
            store,
            backend,
            driver,
            drives,
            stale_if_error,
            history: (0..IDS)
                .map(|id| (id, vec![(0, Instant::now(), None)]))
                .collect(),
            events: 0,
            barriers: (0..IDS).map(|id| (id, 0)).collect(),
            stale_barriers: (0..IDS).map(|id| (id, 0)).collect(),
            untold: Vec::new(),
            lost: false,
            by: if drives {
                By::Confirmations
            } else {
                By::Lifetimes
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
            Step::Tell if !self.lost => self.tell(),
            Step::TellAll if !self.lost => {
                self.driver.on_change(ChangeEvent::AllChanged);
                self.untold.clear();
                self.bar_everything();
                self.bar_everything_stale();
            }
            Step::Lose if self.drives => {
                self.driver.on_change(ChangeEvent::Disconnected);
                self.lost = true;
                self.go_by(By::Confirmations);
                self.bar_everything();
            }
            Step::Refuse if self.drives => {
                self.driver.on_change(ChangeEvent::Unsupported);
                self.lost = true;
                self.go_by(By::Lifetimes);
                self.bar_everything();
                self.bar_everything_stale();
            }
            Step::Find if self.lost => {
                self.driver.on_change(ChangeEvent::AllChanged);
                self.driver
                    .on_change(ChangeEvent::CaughtUp(Instant::now().into_std()));
                self.lost = false;
                self.go_by(By::Confirmations);
                self.untold.clear();
                self.bar_everything();
                self.bar_everything_stale();
            }
            Step::Tell | Step::TellAll | Step::Lose | Step::Refuse | Step::Find => {}
            Step::Hold => self.backend.hold(),
            Step::Release => self.backend.release(),
            Step::Fail(fails) => {
                let failure = fails.then_some(StoreErrorKind::Unavailable);
                self.backend.fail(failure);
            }
            Step::Advance(ms) => advance_ms(ms).await,
        }
        settle().await;
        self.judge().await;
    }

    fn changed(&mut self, id: usize, port: Option<u16>) {
        let change = (self.events, Instant::now(), port);
        self.history.get_mut(&id).unwrap().push(change);
        self.untold.push(id);
    }

    fn tell(&mut self) {
        for id in std::mem::take(&mut self.untold) {
            self.driver.on_change(ChangeEvent::Changed(&name(id)));
            self.barriers.insert(id, self.events);
            self.stale_barriers.insert(id, self.events);
        }
        if self.drives {
            self.driver
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
            let answer = asked.answer.await.unwrap();
            let Ok(found) = answer.map(port) else {
                // There has been a failure: none ever is without.
                continue;
            };
            let bounds = asked.by.iter().map(|by| match (by, found) {
                (By::Confirmations, _) => STALENESS_BOUND,
                (By::Lifetimes, Some(_)) => HIT_LIFETIME,
                (By::Lifetimes, None) => MISS_LIFETIME,
            });
            let bound = bounds.max().unwrap();
            let fresh = self.was(asked.id, found, asked.began, bound, asked.barrier);
            let stale = found.is_some()
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
                "session {} was answered with {found:?}, asked at {:?}, barrier {}: {:?}",
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

fn run(drives: bool, stale_if_error: Duration, steps: &[Step]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut world = World::new(drives, stale_if_error);
        for step in steps {
            world.step(*step).await;
        }
        // Everybody is answered in the end.
        world.step(Step::Release).await;
        assert!(world.asking.is_empty(), "somebody waits for ever");
    });
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_answer_is_older_than_its_bound(
        drives: bool,
        steps in proptest::collection::vec(step(), 1..80),
    ) {
        run(drives, Duration::ZERO, &steps);
    }

    #[test]
    fn no_stale_answer_is_older_than_its_bound(
        drives: bool,
        steps in proptest::collection::vec(step(), 1..80),
    ) {
        run(drives, Duration::from_secs(10), &steps);
    }
}
