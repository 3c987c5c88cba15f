//! Reloads: stores that are replaced while the process is watched.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{NamedStore, Resolver, SessionStore};
use dcv_resolver_ops::{Metrics, Readiness, StoreState};
use tokio::time::{Instant, sleep};

use crate::readiness::watched;
use crate::store::{Mood, MoodyStore, over};

const MOMENT: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
/// After this long an outage is seen.
const PATIENCE: Duration = Duration::from_secs(14);

/// Replaces the stores a thousand times, with new ones of the same name, and
/// calls `look` before and after each time.
async fn replace_1_000_times(
    readiness: &Readiness,
    pause: Duration,
    store: impl Fn() -> MoodyStore,
    mut look: impl FnMut(&Readiness),
) {
    for _ in 0..1_000 {
        look(readiness);
        readiness.replace_stores(&over(&store()));
        look(readiness);
        if !pause.is_zero() {
            sleep(pause).await;
        }
    }
}

fn good() -> MoodyStore {
    MoodyStore::new(Mood::Answers).with_latency(Duration::from_millis(20))
}

#[tokio::test(start_paused = true)]
async fn a_ready_process_stays_ready_through_1_000_replacements() {
    for pause_ms in [0, 1, 21, 100, 1_000] {
        let readiness = watched(&over(&good()));
        sleep(5 * SECOND).await;
        let pause = Duration::from_millis(pause_ms);
        replace_1_000_times(&readiness, pause, good, |readiness| {
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
async fn an_unready_process_becomes_ready_after_1_000_replacements() {
    for pause in [Duration::ZERO, Duration::from_millis(10)] {
        let down = || MoodyStore::new(Mood::Hangs);
        let readiness = watched(&over(&down()));
        sleep(20 * SECOND).await;
        replace_1_000_times(&readiness, pause, down, |readiness| {
            assert!(!readiness.report().ready, "{pause:?}");
        })
        .await;

        let replaced = Instant::now();
        readiness.replace_stores(&over(&good()));
        assert!(!readiness.report().ready);
        sleep(Duration::from_millis(21)).await;
        assert!(readiness.report().ready, "{:?}", replaced.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn no_number_of_replacements_vouches_for_a_store_that_is_down() {
    let store = good();
    let readiness = watched(&over(&store));
    sleep(5 * SECOND).await;
    let began = Instant::now();
    let mut unready_after = None;
    replace_1_000_times(
        &readiness,
        SECOND / 10,
        || MoodyStore::new(Mood::Fails),
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
    assert!(unready_after <= PATIENCE, "{unready_after:?}");
    assert!(
        unready_after >= Duration::from_secs(10),
        "{unready_after:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn another_store_of_the_same_name_is_asked_at_once_and_given_the_time_of_the_one_before() {
    let store = MoodyStore::new(Mood::Answers);
    let readiness = watched(&over(&store));
    sleep(5 * SECOND + SECOND / 2).await;

    readiness.replace_stores(&over(&MoodyStore::new(Mood::Fails)));
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
    sleep(PATIENCE - SECOND / 2 - 2 * MOMENT).await;
    assert!(readiness.report().ready);
    sleep(MOMENT).await;
    assert!(!readiness.report().ready);
}

#[tokio::test(start_paused = true)]
async fn a_good_store_does_not_vouch_for_what_replaces_a_bad_one() {
    let up: Arc<dyn SessionStore> = Arc::new(MoodyStore::new(Mood::Answers));
    let down = MoodyStore::new(Mood::Fails);
    let readiness = watched(&Resolver::new(Arc::clone(&up)).then("by_hand", down));
    sleep(5 * SECOND).await;
    assert!(!readiness.report().ready);

    let hung = MoodyStore::new(Mood::Hangs);
    readiness.replace_stores(&Resolver::new(up).then("by_hand", hung));
    assert!(!readiness.report().ready);
    sleep(20 * SECOND).await;
    assert!(!readiness.report().ready);
}

#[tokio::test(start_paused = true)]
async fn the_same_store_keeps_what_is_known_of_it() {
    let store = MoodyStore::new(Mood::Answers);
    let resolver = over(&store);
    let readiness = watched(&resolver);
    sleep(5 * SECOND).await;
    store.becomes(Mood::Fails);
    sleep(2 * SECOND + SECOND / 2).await;

    let before = readiness.report();
    assert_eq!(before.stores[0].state, StoreState::Failing);
    // A policy or another name is no other store.
    readiness.replace_stores(&resolver.clone().with_store_name("renamed"));
    let mut after = readiness.report();
    assert_eq!(after.stores[0].store, "renamed");
    after.stores[0].store = before.stores[0].store.clone();
    assert_eq!(after, before);
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_the_old_store_says_nothing_of_the_new_one() {
    let latency = Duration::from_millis(500);
    let old = MoodyStore::new(Mood::Answers).with_latency(latency);
    let readiness = watched(&over(&old));
    sleep(latency / 2).await;
    readiness.replace_stores(&over(&MoodyStore::new(Mood::Hangs)));
    sleep(latency).await;
    assert_eq!(readiness.report().stores[0].state, StoreState::New);
    sleep(20 * SECOND).await;
    assert_eq!(readiness.report().stores[0].last_answer_age_ms, None);
    assert!(!readiness.report().ready);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_kept_is_known_still_in_another_resolver() {
    let kept = NamedStore::new("agents", good());
    let readiness = watched(&Resolver::chain(kept.clone(), []));
    sleep(5 * SECOND).await;
    readiness.replace_stores(&Resolver::chain(kept, []));
    assert_eq!(readiness.report().stores[0].state, StoreState::Up);
}

#[test]
fn a_store_that_is_no_longer_watched_is_taken_out_of_the_metrics() {
    let named = |name: &str| Resolver::new(good()).with_store_name(name);
    let readiness = Readiness::new(&named("old"));
    let metrics = Metrics::new();
    metrics.watch_readiness(&readiness);
    let shown = || {
        let text = metrics.render();
        ["old", "new"].map(|name| text.contains(&format!(r#"store_up{{store="{name}"}}"#)))
    };
    assert_eq!(shown(), [true, false]);
    readiness.replace_stores(&named("new"));
    assert_eq!(shown(), [false, true]);
    // And back, before anybody has looked.
    readiness.replace_stores(&named("old"));
    readiness.replace_stores(&named("new").then("old", good()));
    assert_eq!(shown(), [true, true]);
}
