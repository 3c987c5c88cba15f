//! When the process is ready, by a paused clock.

use std::time::Duration;

use dcv_resolver_core::{MemoryStore, Resolver};
use dcv_resolver_ops::{Readiness, ReadyState, StoreState};
use dcv_resolver_test_support::log::Log;
use serde_json::json;
use tokio::time::{advance, sleep};
use tracing::Level;

use crate::store::{Mode, SwitchStore, over, resolver};

const MOMENT: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// The default grace period, and what is added to it.
const GRACE: Duration = Duration::from_secs(10);
const SLACK: Duration = Duration::from_secs(4);

const OUTAGES: [Mode; 3] = [Mode::Fails, Mode::Hangs, Mode::Panics];

pub(crate) fn watched(resolver: &Resolver) -> Readiness {
    let readiness = Readiness::new(resolver);
    tokio::spawn(readiness.watch());
    readiness
}

/// Returns whether it is ready all the time.
async fn is_ready_throughout(readiness: &Readiness, time: Duration) -> bool {
    let step = Duration::from_millis(25);
    for _ in 0..time.as_millis() / step.as_millis() {
        sleep(step).await;
        if !readiness.report().ready {
            return false;
        }
    }
    true
}

fn only_store(readiness: &Readiness) -> StoreState {
    let report = readiness.report();
    assert_eq!(report.stores.len(), 1);
    report.stores[0].state
}

#[tokio::test(start_paused = true)]
async fn process_is_ready_once_each_store_has_answered() {
    let slow = SwitchStore::new(Mode::Answers).with_latency(Duration::from_millis(300));
    let late = SwitchStore::new(Mode::Hangs);
    let resolver = resolver([("agents", slow), ("by_hand", late.clone())]);
    let readiness = watched(&resolver);
    assert_eq!(readiness.report().state, ReadyState::StoreDown);

    sleep(Duration::from_millis(301)).await;
    let report = readiness.report();
    assert!(!report.ready);
    assert_eq!(report.stores[0].state, StoreState::Up);
    assert_eq!(report.stores[1].state, StoreState::New);
    sleep(20 * SECOND).await;
    assert_eq!(readiness.report().stores[1].state, StoreState::Down);

    late.set_mode(Mode::Answers);
    sleep(SECOND).await;
    assert_eq!(readiness.report().state, ReadyState::Serving);
}

#[tokio::test(start_paused = true)]
async fn store_that_is_not_needed_may_be_down() {
    let own = SwitchStore::new(Mode::Answers);
    let broker = SwitchStore::new(Mode::Hangs);
    let chain = resolver([("own", own.clone()), ("broker", broker.clone())]);
    let readiness = watched(&chain);
    readiness.watch_stores(&chain, ["broker".into()]);
    sleep(20 * SECOND).await;
    let report = readiness.report();
    assert!(report.ready);
    assert_eq!(report.stores[1].state, StoreState::Down);
    let json = serde_json::to_value(&report.stores).unwrap();
    assert_eq!(json[0].get("required"), None);
    assert_eq!(json[1]["required"], false);

    own.set_mode(Mode::Fails);
    sleep(20 * SECOND).await;
    assert!(!readiness.report().ready, "the other store is required");

    own.set_mode(Mode::Answers);
    sleep(SECOND).await;
    assert!(readiness.report().ready);
    readiness.watch_stores(&chain, []);
    assert!(!readiness.report().ready);
}

#[tokio::test(start_paused = true)]
async fn outage_shorter_than_the_grace_is_never_noticed() {
    // Half a second off the period of the pings is the worst for a slow store.
    for grace in [GRACE, GRACE - SECOND / 2] {
        for outage in OUTAGES {
            for latency in [0, 300, 990] {
                for phase in (0..1000).step_by(50) {
                    let latency = Duration::from_millis(latency);
                    let store = SwitchStore::new(Mode::Answers).with_latency(latency);
                    let readiness = Readiness::with_grace(&over(&store), grace);
                    let watch = tokio::spawn(readiness.watch());
                    sleep(5 * SECOND + Duration::from_millis(phase)).await;

                    store.set_mode(outage);
                    let out = is_ready_throughout(&readiness, grace - SECOND / 40).await;
                    store.set_mode(Mode::Answers);
                    let after = is_ready_throughout(&readiness, 3 * SECOND).await;
                    assert!(
                        out && after,
                        "{outage:?} after {phase} ms, latency {latency:?}, grace {grace:?}"
                    );
                    watch.abort();
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn longer_outage_is_noticed_and_ends_with_the_next_answer() {
    for outage in OUTAGES {
        let store = SwitchStore::new(Mode::Answers);
        let readiness = watched(&over(&store));
        sleep(5 * SECOND + MOMENT).await;
        assert_eq!(only_store(&readiness), StoreState::Up);

        // The last success is a moment old.
        store.set_mode(outage);
        sleep(GRACE).await;
        assert_eq!(only_store(&readiness), StoreState::Failing);
        sleep(SLACK - 2 * MOMENT).await;
        assert!(readiness.report().ready, "{outage:?}");
        sleep(MOMENT).await;
        assert_eq!(readiness.report().state, ReadyState::StoreDown);
        assert_eq!(only_store(&readiness), StoreState::Down);
        sleep(100 * SECOND).await;
        assert_eq!(only_store(&readiness), StoreState::Down);

        store.set_mode(Mode::Answers);
        // One ping may be under way, and lost.
        sleep(SECOND).await;
        assert_eq!(only_store(&readiness), StoreState::Up, "{outage:?}");
        assert!(readiness.report().ready);
    }
}

#[tokio::test(start_paused = true)]
async fn grace_may_be_zero_or_endless() {
    let store = SwitchStore::new(Mode::Answers);
    for (grace, becomes_unready) in [(Duration::ZERO, true), (Duration::MAX, false)] {
        let readiness = Readiness::with_grace(&over(&store), grace);
        let watch = tokio::spawn(readiness.watch());
        assert!(!readiness.report().ready);
        sleep(SECOND / 2).await;
        assert!(is_ready_throughout(&readiness, 5 * SECOND).await);

        store.set_mode(Mode::Fails);
        sleep(SLACK).await;
        assert_eq!(readiness.report().ready, !becomes_unready);
        sleep(1_000 * SECOND).await;
        assert_eq!(readiness.report().ready, !becomes_unready);
        store.set_mode(Mode::Answers);
        watch.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn hanging_store_delays_no_other() {
    let hung = SwitchStore::new(Mode::Hangs);
    let store = SwitchStore::new(Mode::Answers);
    let readiness = watched(&resolver([("agents", hung), ("by_hand", store)]));
    for _ in 0..100 {
        sleep(SECOND / 4).await;
        let by_hand = readiness.report().stores[1].clone();
        assert_eq!(by_hand.state, StoreState::Up);
        assert!(by_hand.last_answer_age_ms.unwrap() <= 1_000);
    }
}

#[tokio::test(start_paused = true)]
async fn process_is_unready_when_nothing_polls_watch() {
    let readiness = Readiness::new(&over(&SwitchStore::new(Mode::Answers)));
    let watch = tokio::spawn(readiness.watch());
    sleep(MOMENT).await;
    assert!(readiness.report().ready);
    watch.abort();
    sleep(GRACE + SLACK).await;
    assert_eq!(only_store(&readiness), StoreState::Down);

    // A second `watch` continues where the first was dropped.
    tokio::spawn(readiness.watch());
    sleep(MOMENT).await;
    assert!(readiness.report().ready);
}

#[tokio::test(start_paused = true)]
async fn paused_process_is_unready_until_its_stores_answer_again() {
    let latency = Duration::from_millis(300);
    let readiness = watched(&over(
        &SwitchStore::new(Mode::Answers).with_latency(latency),
    ));
    sleep(3 * SECOND + Duration::from_millis(600)).await;
    assert!(readiness.report().ready);

    advance(60 * SECOND).await;
    assert!(!readiness.report().ready);
    sleep(latency + MOMENT).await;
    assert!(readiness.report().ready);
}

#[tokio::test(start_paused = true)]
async fn answer_that_came_during_a_pause_is_old() {
    let latency = Duration::from_millis(300);
    let readiness = watched(&over(
        &SwitchStore::new(Mode::Answers).with_latency(latency),
    ));
    // In the middle of a ping.
    sleep(3 * SECOND + Duration::from_millis(100)).await;
    assert!(readiness.report().ready);

    advance(60 * SECOND).await;
    tokio::task::yield_now().await;
    assert!(!readiness.report().ready);
    sleep(latency + MOMENT).await;
    assert!(readiness.report().ready);
}

#[tokio::test(start_paused = true)]
async fn draining_process_is_unready_at_once_and_for_good() {
    let store = SwitchStore::new(Mode::Answers);
    let readiness = watched(&over(&store));
    sleep(MOMENT).await;
    assert!(readiness.report().ready);

    readiness.clone().drain();
    assert!(!readiness.report().ready);
    readiness.watch_stores(&over(&store), []);
    readiness.watch_stores(&Resolver::new(MemoryStore::new()), []);
    sleep(100 * SECOND).await;
    let report = readiness.report();
    assert_eq!(report.state, ReadyState::Draining);
    assert!(!report.ready);
    assert_eq!(report.stores[0].state, StoreState::Up);
}

#[tokio::test(start_paused = true)]
async fn report_names_the_error_and_no_host() {
    let store = SwitchStore::new(Mode::Answers);
    let resolver = resolver([
        ("agents", store.clone()),
        ("by_hand", SwitchStore::new(Mode::Panics)),
    ]);
    let readiness = watched(&resolver);
    let shown = || serde_json::to_value(readiness.report()).unwrap();
    assert_eq!(
        shown(),
        json!({"ready": false, "state": "store_down", "stores": [
            {"store": "agents", "state": "new"},
            {"store": "by_hand", "state": "new"},
        ]})
    );

    sleep(Duration::from_millis(2_500)).await;
    store.set_mode(Mode::Fails);
    sleep(SECOND).await;
    assert_eq!(
        shown(),
        json!({"ready": false, "state": "store_down", "stores": [
            {"store": "agents", "state": "failing", "last_answer_age_ms": 1_500,
             "error": "switch: the store cannot be reached"},
            {"store": "by_hand", "state": "down",
             "error": "the store panicked; see the log"},
        ]})
    );
    store.set_mode(Mode::Hangs);
    sleep(20 * SECOND).await;
    assert_eq!(
        shown()["stores"][0],
        json!({"store": "agents", "state": "down", "last_answer_age_ms": 21_500,
               "error": "the store did not answer in time"}),
    );
}

#[tokio::test(start_paused = true)]
async fn change_is_logged_once() {
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    let logged = || -> Vec<_> {
        let events = log.take().into_iter();
        events
            .map(|event| {
                assert_eq!(event["target"], "dcv_resolver::readiness");
                let level = event["level"].clone();
                (level, event["fields"].clone())
            })
            .collect()
    };
    let store = SwitchStore::new(Mode::Answers);
    let readiness = watched(&over(&store));
    sleep(5 * SECOND + MOMENT).await;
    assert_eq!(
        logged(),
        [
            (
                json!("INFO"),
                json!({"message": "the store answers", "store": "agents"})
            ),
            (json!("INFO"), json!({"message": "ready"})),
        ]
    );

    store.set_mode(Mode::Fails);
    sleep(30 * SECOND).await;
    assert_eq!(
        logged(),
        [
            (
                json!("WARN"),
                json!({"message": "the store does not answer", "store": "agents",
                       "error": "switch: the store cannot be reached: cache.example refuses"})
            ),
            (
                json!("WARN"),
                json!({"message": "not ready", "state": "store_down"})
            ),
        ]
    );

    store.set_mode(Mode::Answers);
    sleep(30 * SECOND).await;
    assert_eq!(
        logged(),
        [
            (
                json!("INFO"),
                json!({"message": "the store answers", "store": "agents", "silent_for_ms": 31_000})
            ),
            (json!("INFO"), json!({"message": "ready"})),
        ]
    );

    readiness.drain();
    readiness.drain();
    sleep(30 * SECOND).await;
    assert_eq!(
        logged(),
        [(
            json!("WARN"),
            json!({"message": "not ready", "state": "draining"})
        )]
    );
}
