//! The `changes` battery, for every [`ChangeSource`] whose fixture can
//! [change sessions](ChangingFixture).

use std::sync::Arc;
use std::time::Instant;

use dcv_resolver_core::testing::RecordedEvent;
use dcv_resolver_core::{ChangeSource, Expiry, SessionRecord, SessionStore};

use crate::ChangingFixture;
use crate::outage::cut_off;
use crate::partial::drop_after;
use crate::sample::{full, id, minimal};
use crate::watch::{Recorder, Watch, concerns, is_gap};

#[doc(hidden)]
#[macro_export]
macro_rules! __changes_rules {
    (($($then:tt)+) $arguments:tt) => {
        $($then)+! {
            $arguments
            c1_every_change_is_reported
            c1_every_listener_receives_every_change
            c2_reported_change_is_visible
            c3_caught_up_is_never_in_the_future
            c3_changes_are_reported_before_the_source_is_caught_up
            c3_change_before_the_first_poll_is_reported
            c4_outage_is_reported_as_a_gap
            c6_dropped_source_ends_with_a_gap
            c6_source_dropped_at_any_await_point_ends_with_a_gap
            c6_dropped_source_is_silent
        }
    };
}

__changes_rules! { (crate::macros::check) [ChangingFixture] }

/// Returns a record of the session `name` that differs from those of other
/// rounds.
fn record(name: &str, round: u16) -> SessionRecord {
    let record = full(id(name), Expiry::Never).to_builder();
    record.http_port(1 + round).build().unwrap()
}

/// Checks C1: every record that is added, changed or removed is reported, each by
/// its own id.
pub async fn c1_every_change_is_reported<F: ChangingFixture>(fixture: &F) {
    fixture.seed(&[minimal(id("seeded"), Expiry::Never)]).await;
    let store = fixture.open().await;
    let watch = Watch::start(fixture, &store).await;
    for round in 0..2 {
        for name in ["a", "b", "with a space", "Zoë", "a"] {
            let mark = watch.mark();
            fixture.set(&record(name, round)).await;
            watch.changed(mark, &id(name)).await;
        }
        for name in ["a", "Zoë"] {
            let mark = watch.mark();
            fixture.remove(&id(name)).await;
            watch.changed(mark, &id(name)).await;
        }
    }
    // Several at once.
    let mark = watch.mark();
    for number in 0..20 {
        fixture.set(&record(&format!("{number}"), 0)).await;
    }
    for number in 0..20 {
        watch.changed(mark, &id(&format!("{number}"))).await;
    }
}

/// Checks C1: each of several listeners receives every change.
pub async fn c1_every_listener_receives_every_change<F: ChangingFixture>(fixture: &F) {
    fixture.seed(&[]).await;
    let store = fixture.open().await;
    let watches = [
        Watch::start(fixture, &store).await,
        Watch::start(fixture, &store).await,
    ];
    for name in ["a", "b"] {
        let marks = watches.each_ref().map(Watch::mark);
        fixture.set(&record(name, 0)).await;
        for (watch, mark) in watches.iter().zip(marks) {
            watch.changed(mark, &id(name)).await;
        }
    }
}

/// Checks C2: a lookup that begins after a change was reported finds it.
pub async fn c2_reported_change_is_visible<F: ChangingFixture>(fixture: &F) {
    fixture.seed(&[]).await;
    let store = fixture.open().await;
    let watch = Watch::start(fixture, &store).await;
    for round in 0..20 {
        let expected = record("console", round);
        let mark = watch.mark();
        let change = fixture.set(&expected);
        let reported = async {
            watch.changed(mark, expected.id()).await;
            store.lookup(expected.id()).await.unwrap()
        };
        let ((), found) = tokio::join!(change, reported);
        assert_eq!(found, Some(expected), "round {round}");
    }
}

/// Checks C3: the instant of `CaughtUp` is never later than the call.
pub async fn c3_caught_up_is_never_in_the_future<F: ChangingFixture>(fixture: &F) {
    fixture.seed(&[]).await;
    let store = fixture.open().await;
    let watch = Watch::start(fixture, &store).await;
    for round in 0..3 {
        fixture.set(&record("console", round)).await;
        watch.caught_up().await;
    }
    for (event, received) in watch.events() {
        if let RecordedEvent::CaughtUp(at) = event {
            let ahead = at.saturating_duration_since(received);
            assert!(ahead.is_zero(), "caught up with {ahead:?} in the future");
        }
    }
}

/// Checks C3: a change that was made before the instant of `CaughtUp` was
/// reported before it.
pub async fn c3_changes_are_reported_before_the_source_is_caught_up<F: ChangingFixture>(
    fixture: &F,
) {
    fixture.seed(&[]).await;
    let store = fixture.open().await;
    let watch = Watch::start(fixture, &store).await;
    let mut made = Vec::new();
    for round in 0..40 {
        // No two changes of one id in a row: each needs a report of its own.
        let record = record(&format!("session {round}"), round);
        let mark = watch.mark();
        fixture.set(&record).await;
        made.push((record.id().clone(), mark, Instant::now()));
        if round % 4 == 0 {
            watch.caught_up().await;
        }
    }
    watch.caught_up().await;
    let events = watch.events();
    for (id, mark, made) in made {
        let reported = events
            .iter()
            .skip(mark)
            .position(|(event, _)| concerns(event, &id));
        let reported = mark + reported.expect("caught up, so every change was reported");
        for (event, _) in &events[mark..reported] {
            if let RecordedEvent::CaughtUp(at) = event {
                assert!(*at <= made, "caught up before {id:?} was reported");
            }
        }
    }
}

/// Checks C1 and C3: a change that is made after `watch_changes` was called, and
/// before the future is polled, is not lost.
pub async fn c3_change_before_the_first_poll_is_reported<F: ChangingFixture>(fixture: &F) {
    fixture.seed(&[]).await;
    let store = fixture.open().await;
    fixture.set(&record("console", 0)).await;
    let recorder = Arc::new(Recorder::default());
    let source = store.watch_changes(Arc::<Recorder>::clone(&recorder));
    // A listener that caches has looked it up by now.
    let found = store.lookup(&id("console")).await.unwrap();
    assert_eq!(found, Some(record("console", 0)));
    fixture.set(&record("console", 1)).await;

    let watch = Watch::over(fixture, recorder, source);
    watch.caught_up().await;
    let events = watch.events();
    let is_reported = |(event, _): &(RecordedEvent, Instant)| concerns(event, &id("console"));
    assert!(events.iter().any(is_reported), "not reported: {events:?}");
}

/// Checks C4: an outage is reported as a gap, no change is reported during it,
/// and `AllChanged` ends it.
pub async fn c4_outage_is_reported_as_a_gap<F: ChangingFixture>(fixture: &F) {
    fixture.seed(&[]).await;
    let store = fixture.open().await;
    let watch = Watch::start(fixture, &store).await;
    for round in 0..2 {
        let mark = watch.mark();
        cut_off(fixture, &store).await;
        let gap = watch.gap(mark).await;
        fixture.restore().await;
        fixture.set(&record("console", round)).await;
        let is_end = |event: &RecordedEvent| !is_gap(event);
        let end = watch.until(gap, "the end of the gap", is_end).await;
        let events = watch.events();
        assert_eq!(events[end].0, RecordedEvent::AllChanged, "{events:?}");
        watch.caught_up().await;
        let mark = watch.mark();
        fixture.set(&record("afterwards", round)).await;
        watch.changed(mark, &id("afterwards")).await;
    }
}

/// Checks C6: a source that is dropped while it reports changes ends with a gap.
pub async fn c6_dropped_source_ends_with_a_gap<F: ChangingFixture>(fixture: &F) {
    fixture.seed(&[]).await;
    let store = fixture.open().await;
    let watch = Watch::start(fixture, &store).await;
    let last = watch.stop().await.last();
    assert!(last.as_ref().is_some_and(is_gap), "the last is {last:?}");

    // The source does not need the store.
    let watch = Watch::start(fixture, &store).await;
    drop(store);
    fixture.set(&record("console", 0)).await;
    watch.caught_up().await;
    let last = watch.stop().await.last();
    assert!(last.as_ref().is_some_and(is_gap), "the last is {last:?}");
}

/// Checks C6: a source that is dropped at any await point, during its start too,
/// has not reported anything or ends with a gap.
pub async fn c6_source_dropped_at_any_await_point_ends_with_a_gap<F: ChangingFixture>(fixture: &F) {
    fixture.seed(&[]).await;
    let store = fixture.open().await;
    for polls in 0..20 {
        let recorder = Arc::new(Recorder::default());
        let source = store.watch_changes(Arc::<Recorder>::clone(&recorder));
        drop_after(polls, source).await;
        let last = recorder.last();
        assert!(
            last.as_ref().is_none_or(is_gap),
            "the last after {polls} polls is {last:?}"
        );
    }
}

/// Checks C6: a source that was dropped does not call its listener.
pub async fn c6_dropped_source_is_silent<F: ChangingFixture>(fixture: &F) {
    fixture.seed(&[]).await;
    let store = fixture.open().await;
    let dropped = Watch::start(fixture, &store).await.stop().await;
    let count = dropped.count();
    // What the other has received, the first would have received too.
    let watch = Watch::start(fixture, &store).await;
    for round in 0..3 {
        fixture.set(&record("console", round)).await;
        watch.caught_up().await;
    }
    assert_eq!(dropped.count(), count, "{:?}", dropped.events());
}
