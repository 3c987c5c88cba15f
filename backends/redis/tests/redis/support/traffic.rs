use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dcv_resolver_core::{SessionId, SessionStore, StoreErrorKind};
use dcv_resolver_redis::{RedisOptions, RedisStore};
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};

/// How much longer than its timeout a call may take on a machine that is busy
/// with other tests.
const MARGIN: Duration = Duration::from_millis(1_500);

/// Fifty lookups a second of sessions that exist, counting every answer.
///
/// None of them may be `Ok(None)`, whatever happens to the servers, and none
/// may take longer than the response timeout.
pub(crate) struct Traffic {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Vec<Answer>>,
}

#[derive(Debug, Clone, Copy)]
struct Answer {
    asked: Instant,
    took: Duration,
    error: Option<StoreErrorKind>,
}

/// What became of the lookups.
#[derive(Debug)]
pub(crate) struct Report {
    answers: Vec<Answer>,
}

impl Traffic {
    pub(crate) fn start(store: &Arc<RedisStore>, ids: &[SessionId]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let asking = ask(Arc::clone(store), ids.to_vec(), Arc::clone(&stop));
        Self {
            stop,
            task: tokio::spawn(asking),
        }
    }

    pub(crate) async fn stop(self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        Report {
            answers: self.task.await.unwrap(),
        }
    }
}

async fn ask(store: Arc<RedisStore>, ids: Vec<SessionId>, stop: Arc<AtomicBool>) -> Vec<Answer> {
    let mut ticks = interval(Duration::from_millis(20));
    let mut lookups = Vec::new();
    for id in ids.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        ticks.tick().await;
        let (store, id) = (Arc::clone(&store), id.clone());
        lookups.push(tokio::spawn(async move {
            let asked = Instant::now();
            let result = store.lookup(&id).await;
            let took = asked.elapsed();
            let error = match result {
                Ok(Some(record)) => {
                    assert_eq!(record.id(), &id, "another session's record");
                    None
                }
                Ok(None) => panic!("{id} is absent, by {:?} after it was asked", took),
                Err(error) => Some(error.kind()),
            };
            assert!(
                took < RedisOptions::DEFAULT_RESPONSE_TIMEOUT + MARGIN,
                "an answer took {took:?}: {error:?}"
            );
            Answer { asked, took, error }
        }));
    }
    let mut answers = Vec::new();
    for lookup in lookups {
        answers.push(lookup.await.unwrap());
    }
    answers
}

impl Report {
    /// Kinds of failure, the longest call, and how long after `repaired` the
    /// first lookup succeeded that was asked after it.
    pub(crate) fn print(&self, fault: &str, repaired: Instant) -> Duration {
        let worst = self.answers.iter().map(|answer| answer.took).max().unwrap();
        let mut kinds = Vec::new();
        for kind in self.answers.iter().filter_map(|answer| answer.error) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        let recovered = self.recovered(repaired);
        println!(
            "| {fault} | {} of {} failed: {kinds:?} | worst {worst:?} | recovered {recovered:?} |",
            self.failures(),
            self.answers.len(),
        );
        recovered
    }

    pub(crate) fn failures(&self) -> usize {
        self.answers
            .iter()
            .filter(|answer| answer.error.is_some())
            .count()
    }

    /// When the last lookup failed that was asked after `repaired`, and all
    /// after it succeeded.
    fn recovered(&self, repaired: Instant) -> Duration {
        let after = self
            .answers
            .iter()
            .filter(|answer| answer.asked >= repaired);
        let last_failure = after
            .clone()
            .filter(|answer| answer.error.is_some())
            .map(|answer| answer.asked)
            .max();
        let first_success = after
            .filter(|answer| answer.error.is_none())
            .find(|answer| last_failure.is_none_or(|failed| answer.asked > failed))
            .unwrap();
        (first_success.asked + first_success.took).saturating_duration_since(repaired)
    }
}
