use std::sync::Arc;

use dcv_resolver_core::{Expiry, SessionRecord, SessionRegistry, SessionStore};

use crate::Fixture;
use crate::race::race;
use crate::sample::{
    OURS, THEIRS, after, assert_already_exists, assert_lease_lost, full, id, minimal, other,
};

/// How many records each race between a sweep and other calls is about.
const CONTENDED: usize = 16;
/// How many races there are.
const ROUNDS: usize = 17;

/// Checks R9: `sweep` removes every record that is not live at `now`, including one
/// that expires at `now`, under any lease, and counts them.
pub async fn r9_sweep_removes_and_counts_expired_records<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let ended = [
        (full(id("long ago"), Expiry::At(t0)), OURS),
        (full(id("just before"), Expiry::At(after(t0, 9))), THEIRS),
        (full(id("now"), Expiry::At(after(t0, 10))), OURS),
    ];
    let live = full(id("live"), Expiry::Never);
    store.register(&live, &OURS, t0).await.unwrap();
    for (record, token) in &ended {
        store.register(record, token, t0).await.unwrap();
    }
    assert_eq!(store.sweep(after(t0, 10)).await.unwrap(), 3);
    for (record, _) in &ended {
        assert_eq!(store.lookup(record.id()).await.unwrap(), None);
    }
    assert_eq!(store.lookup(live.id()).await.unwrap(), Some(live));
}

/// Checks R9: `sweep` keeps what is live at `now`, for one more millisecond or
/// forever, unchanged and under its lease.
pub async fn r9_sweep_keeps_live_records<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let live = [
        full(id("to the end"), Expiry::At(after(t0, 11))),
        full(id("for long"), Expiry::At(after(t0, 1_000_000_000_000))),
        full(id("forever"), Expiry::Never),
    ];
    for record in &live {
        store.register(record, &OURS, t0).await.unwrap();
    }
    let now = after(t0, 10);
    assert_eq!(store.sweep(now).await.unwrap(), 0);
    for record in live {
        let id = record.id().clone();
        assert_eq!(store.lookup(&id).await.unwrap(), Some(record));
        let theirs = other(id.clone(), Expiry::Never);
        let answer = store.register(&theirs, &THEIRS, now).await;
        assert_already_exists(&answer);
        assert!(store.deregister(&id, &OURS).await.unwrap());
    }
}

/// Checks R9: a swept record is gone, with its lease, and is not counted again.
pub async fn r9_swept_id_is_free<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let id = id("console");
    let ended = full(id.clone(), Expiry::At(t0));
    store.register(&ended, &OURS, t0).await.unwrap();
    assert_eq!(store.sweep(t0).await.unwrap(), 1);
    assert_eq!(store.sweep(t0).await.unwrap(), 0);
    assert!(!store.deregister(&id, &OURS).await.unwrap());
    let theirs = other(id.clone(), Expiry::At(after(t0, 10)));
    store.register(&theirs, &THEIRS, t0).await.unwrap();
    assert_eq!(store.sweep(t0).await.unwrap(), 0);
    assert_eq!(store.lookup(&id).await.unwrap(), Some(theirs));
}

/// Checks R9: `sweep` of an empty store removes nothing.
pub async fn r9_sweep_of_an_empty_store_removes_nothing<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    assert_eq!(store.sweep(t0).await.unwrap(), 0);
    store.ping().await.unwrap();
}

/// Checks R9: when leases are renewed in their last millisecond, while another,
/// whose clock is one millisecond ahead, sweeps, a renewed record is not swept.
pub async fn r9_sweep_keeps_concurrently_renewed_records<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = Arc::new(fixture.open().await);
    for round in 0..ROUNDS {
        let records = contended(round, Expiry::At(after(t0, 10)));
        for record in &records {
            store.register(record, &OURS, t0).await.unwrap();
        }
        let expiry = Expiry::At(after(t0, 99));
        let renewed = race(with_a_sweep(round, &records).map(|record| {
            let store = Arc::clone(&store);
            async move {
                let Some(record) = record else {
                    store.sweep(after(t0, 10)).await.unwrap();
                    return None;
                };
                let answer = store.renew(record.id(), &OURS, expiry, after(t0, 9)).await;
                if answer.is_err() {
                    assert_lease_lost(&answer);
                }
                Some((record, answer.is_ok()))
            }
        }))
        .await;
        for (record, was_renewed) in renewed.into_iter().flatten() {
            let found = store.lookup(record.id()).await.unwrap();
            let kept = was_renewed.then(|| record.with_expiry(expiry));
            assert_eq!(found, kept, "renewed: {was_renewed}");
        }
    }
}

/// Checks R9: a record that is registered over an expired one during a `sweep` is
/// not swept.
pub async fn r9_sweep_keeps_concurrently_registered_records<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let now = after(t0, 10);
    let store = Arc::new(fixture.open().await);
    for round in 0..ROUNDS {
        for record in contended(round, Expiry::At(now)) {
            store.register(&record, &THEIRS, t0).await.unwrap();
        }
        let records = contended(round, Expiry::At(after(t0, 11)));
        race(with_a_sweep(round, &records).map(|record| {
            let store = Arc::clone(&store);
            async move {
                if let Some(record) = record {
                    linger(&*store, &record).await;
                    store.register(&record, &OURS, now).await.unwrap();
                } else {
                    store.sweep(now).await.unwrap();
                }
            }
        }))
        .await;
        for record in records {
            let id = record.id().clone();
            assert_eq!(store.lookup(&id).await.unwrap(), Some(record));
            assert!(store.deregister(&id, &OURS).await.unwrap());
        }
    }
}

fn contended(round: usize, expiry: Expiry) -> Vec<SessionRecord> {
    (0..CONTENDED)
        .map(|number| id(&format!("round {round}, session {number}")))
        .map(|id| minimal(id, expiry))
        .collect()
}

/// Waits for a number of calls that depends on the record, so that some record
/// is registered at every step of a sweep.
async fn linger<S: SessionStore>(store: &S, record: &SessionRecord) {
    let number: usize = record
        .id()
        .as_str()
        .rsplit(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    for _ in 0..number % 8 {
        store.lookup(record.id()).await.unwrap();
    }
}

/// Returns the records with `None`, which stands for the sweep, between them.
fn with_a_sweep(
    round: usize,
    records: &[SessionRecord],
) -> impl Iterator<Item = Option<SessionRecord>> {
    let (before, behind) = records.split_at(CONTENDED * round / (ROUNDS - 1));
    let before = before.iter().cloned().map(Some);
    let behind = behind.iter().cloned().map(Some);
    before.chain([None]).chain(behind)
}
