//! Reloads: stores that are replaced while the process is watched.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{NamedStore, Resolver};
use dcv_resolver_ops::{Metrics, MetricsFormat, Readiness, StoreState};
use dcv_resolver_test_support::log::Log;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tracing::Level;

use crate::readiness::watched;
use crate::store::{Mode, SwitchStore, over, resolver};

const MOMENT: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
/// After this long an outage is noticed.
const MAX_SUCCESS_AGE: Duration = Duration::from_secs(14);

/// Replaces the stores a thousand times, with new ones of the same name, and
/// calls `look` before and after each time.
async fn replace_1_000_times(
    readiness: &Readiness,
    pause: Duration,
    store: impl Fn() -> SwitchStore,
    mut look: impl FnMut(&Readiness),
) {
    for _ in 0..1_000 {
        look(readiness);
        readiness.watch_stores(&over(&store()), []);
        look(readiness);
        if !pause.is_zero() {
            sleep(pause).await;
        }
    }
}

fn answering() -> SwitchStore {
    SwitchStore::new(Mode::Answers).with_latency(Duration::from_millis(20))
}

#[tokio::test(start_paused = true)]
async fn ready_process_stays_ready_through_1_000_replacements() {
    for pause_ms in [0, 1, 21, 100, 1_000] {
        let readiness = watched(&over(&answering()));
        sleep(5 * SECOND).await;
        let pause = Duration::from_millis(pause_ms);
        replace_1_000_times(&readiness, pause, answering, |readiness| {
            assert!(readiness.report().ready, "{pause:?}");
        })
        .await;
        sleep(Duration::from_millis(21)).await;
        let report = readiness.report();
        assert!(report.ready, "{pause:?}");
        assert_eq!(report.stores[0].state, StoreState::Up);
    }
}

#[tokio::test(start_paused = true)]
async fn unready_process_becomes_ready_only_when_the_new_store_answers() {
    for pause in [Duration::ZERO, Duration::from_millis(10)] {
        let down = || SwitchStore::new(Mode::Hangs);
        let readiness = watched(&over(&down()));
        sleep(20 * SECOND).await;
        replace_1_000_times(&readiness, pause, down, |readiness| {
            assert!(!readiness.report().ready, "{pause:?}");
        })
        .await;

        let replaced = Instant::now();
        readiness.watch_stores(&over(&answering()), []);
        assert!(!readiness.report().ready);
        sleep(Duration::from_millis(21)).await;
        assert!(readiness.report().ready, "{:?}", replaced.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn replacements_do_not_prolong_readiness() {
    let store = answering();
    let readiness = watched(&over(&store));
    sleep(5 * SECOND).await;
    let began = Instant::now();
    let mut unready_after = None;
    replace_1_000_times(
        &readiness,
        SECOND / 10,
        || SwitchStore::new(Mode::Fails),
        |readiness| {
            let is_ready = readiness.report().ready;
            assert!(!is_ready || unready_after.is_none(), "it flaps");
            if !is_ready {
                unready_after.get_or_insert_with(|| began.elapsed());
            }
        },
    )
    .await;
    let unready_after = unready_after.unwrap();
    assert!(unready_after <= MAX_SUCCESS_AGE, "{unready_after:?}");
    assert!(
        unready_after >= Duration::from_secs(10),
        "{unready_after:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn new_store_of_the_same_name_is_pinged_at_once_and_inherits_the_last_success() {
    let store = SwitchStore::new(Mode::Answers);
    let readiness = watched(&over(&store));
    sleep(5 * SECOND + SECOND / 2).await;

    readiness.watch_stores(&over(&SwitchStore::new(Mode::Fails)), []);
    let report = readiness.report();
    assert!(report.ready);
    assert_eq!(report.stores[0].state, StoreState::New);
    assert_eq!(report.stores[0].last_answer_age_ms, None);

    sleep(MOMENT).await;
    let report = readiness.report();
    assert!(report.ready);
    assert_eq!(report.stores[0].state, StoreState::Failing);
    assert_eq!(report.stores[0].last_answer_age_ms, None);

    // The last answer was half a second old.
    sleep(MAX_SUCCESS_AGE - SECOND / 2 - 2 * MOMENT).await;
    assert!(readiness.report().ready);
    sleep(MOMENT).await;
    assert!(!readiness.report().ready);
}

#[tokio::test(start_paused = true)]
async fn new_store_inherits_the_oldest_success() {
    let up = Arc::new(SwitchStore::new(Mode::Answers));
    let down = Arc::new(SwitchStore::new(Mode::Fails));
    let readiness = watched(&resolver([("agents", Arc::clone(&up)), ("by_hand", down)]));
    sleep(5 * SECOND).await;
    assert!(!readiness.report().ready);

    let hung = Arc::new(SwitchStore::new(Mode::Hangs));
    readiness.watch_stores(&resolver([("agents", up), ("by_hand", hung)]), []);
    assert!(!readiness.report().ready);
    sleep(20 * SECOND).await;
    assert!(!readiness.report().ready);
}

#[tokio::test(start_paused = true)]
async fn optional_store_replaces_another_and_the_process_stays_ready() {
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    let down = |name| resolver([(name, SwitchStore::new(Mode::Hangs))]);
    let readiness = watched(&down("broker"));
    readiness.watch_stores(&down("broker"), ["broker".into()]);
    sleep(20 * SECOND).await;
    assert!(readiness.report().ready);
    let _before = log.take();

    readiness.watch_stores(&down("broker2"), ["broker2".into()]);
    assert!(readiness.report().ready);
    sleep(SECOND / 2).await;
    assert_eq!(log.take(), [Value::Null; 0]);
}

#[tokio::test(start_paused = true)]
async fn new_store_inherits_nothing_of_an_optional_one() {
    let own = answering();
    let broker = SwitchStore::new(Mode::Hangs);
    let readiness = watched(&over(&own));
    let chain = resolver([("own", own), ("broker", broker)]);
    readiness.watch_stores(&chain, ["broker".into()]);
    sleep(20 * SECOND).await;
    let new = SwitchStore::new(Mode::Hangs);
    readiness.watch_stores(&over(&new), []);
    assert!(readiness.report().ready);
}

#[tokio::test(start_paused = true)]
async fn required_store_that_replaces_optional_ones_alone_has_the_whole_grace() {
    let broker = resolver([("broker", SwitchStore::new(Mode::Hangs))]);
    let readiness = watched(&broker);
    readiness.watch_stores(&broker, ["broker".into()]);
    sleep(20 * SECOND).await;

    readiness.watch_stores(&over(&SwitchStore::new(Mode::Hangs)), []);
    sleep(MAX_SUCCESS_AGE - MOMENT).await;
    assert!(readiness.report().ready);
    sleep(MOMENT).await;
    assert!(!readiness.report().ready);
}

#[tokio::test(start_paused = true)]
async fn same_store_keeps_its_state_in_another_resolver() {
    let store = Arc::new(SwitchStore::new(Mode::Answers));
    let named = NamedStore::new("agents", Arc::clone(&store));
    let resolver = || Resolver::builder().named_store(named.clone());
    let readiness = watched(&resolver().build().unwrap());
    sleep(5 * SECOND).await;
    store.set_mode(Mode::Fails);
    sleep(2 * SECOND + SECOND / 2).await;

    let before = readiness.report();
    assert_eq!(before.stores[0].state, StoreState::Failing);
    let more = resolver().store("more", answering());
    readiness.watch_stores(&more.build().unwrap(), []);
    assert_eq!(readiness.report().stores[0], before.stores[0]);
}

#[tokio::test(start_paused = true)]
async fn late_answer_of_the_old_store_is_ignored() {
    let latency = Duration::from_millis(500);
    let old = SwitchStore::new(Mode::Answers).with_latency(latency);
    let readiness = watched(&over(&old));
    sleep(latency / 2).await;
    readiness.watch_stores(&over(&SwitchStore::new(Mode::Hangs)), []);
    sleep(latency).await;
    assert_eq!(readiness.report().stores[0].state, StoreState::New);
    sleep(20 * SECOND).await;
    assert_eq!(readiness.report().stores[0].last_answer_age_ms, None);
    assert!(!readiness.report().ready);
}

#[test]
fn removed_store_is_not_in_the_metrics() {
    let named = |name| resolver([(name, answering())]);
    let readiness = Readiness::new(&named("old"));
    let metrics = Metrics::new();
    metrics.watch_readiness(&readiness);
    let shown = || {
        let text = metrics.render(MetricsFormat::OpenMetrics);
        ["old", "new"].map(|name| text.contains(&format!(r#"store_up{{store="{name}"}}"#)))
    };
    assert_eq!(shown(), [true, false]);
    readiness.watch_stores(&named("new"), []);
    assert_eq!(shown(), [false, true]);
    readiness.watch_stores(&named("old"), []);
    readiness.watch_stores(&resolver([("new", answering()), ("old", answering())]), []);
    assert_eq!(shown(), [true, true]);
}
