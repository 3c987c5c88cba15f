//! The `import` battery, for every [`SessionImport`].

use std::collections::BTreeMap;
use std::sync::Arc;

use dcv_resolver_core::{
    Expiry, ImportOutcome, OnConflict, SessionId, SessionImport, SessionRecord, SessionRegistry,
    SessionStore,
};

use ImportOutcome::{Skipped, Stored};

use crate::Fixture;
use crate::listing::{by_id, limit, list_all};
use crate::partial::drop_after;
use crate::race::race;
use crate::sample::{
    OURS, THEIRS, after, assert_already_exists, assert_lease_lost, full, id, minimal, other,
    unusual_ids, varied,
};

#[doc(hidden)]
#[macro_export]
macro_rules! __import_rules {
    (($($then:tt)+) $arguments:tt) => {
        $($then)+! {
            $arguments
            i1_empty_batch_stores_nothing
            i5_imported_records_are_returned_unchanged
            i5_unusual_ids_are_imported_separately
            i1_outcomes_have_the_order_of_the_records
            i2_skip_stores_what_register_would_store
            i2_skipped_record_and_its_lease_are_unchanged
            i3_overwrite_stores_every_record
            i3_overwrite_takes_over_the_lease
            i4_last_record_of_an_id_is_stored
            i4_both_records_of_a_taken_id_are_skipped
            i5_repeated_import_is_harmless
            i1_large_batch_is_stored_listed_and_swept
            i2_one_of_concurrent_imports_stores_each_record
            i6_concurrent_imports_in_any_order_complete
            i5_dropped_import_stores_whole_records
        }
    };
}

__import_rules! { (crate::macros::check) [Fixture<Store: SessionImport>] }

/// Checks I1: an import of an empty batch has no outcomes and stores nothing.
pub async fn i1_empty_batch_stores_nothing<F: Fixture<Store: SessionImport>>(fixture: &F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    for on_conflict in [OnConflict::Skip, OnConflict::Overwrite] {
        let answers = store.import(&[], &OURS, on_conflict, t0).await.unwrap();
        assert_eq!(answers, []);
    }
    assert!(list_all(&store, limit(10)).await.is_empty());
}

/// Checks I5 and S3: every field is returned unchanged, with its smallest and its
/// greatest values, and with any text.
pub async fn i5_imported_records_are_returned_unchanged<F: Fixture<Store: SessionImport>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let records = varied();
    for on_conflict in [OnConflict::Skip, OnConflict::Overwrite] {
        let answers = store
            .import(&records, &OURS, on_conflict, t0)
            .await
            .unwrap();
        assert_eq!(answers, vec![Stored; records.len()]);
        for record in &records {
            let found = store.lookup(record.id()).await.unwrap();
            assert_eq!(found.as_ref(), Some(record));
        }
    }
}

/// Checks I5 and S4: ids that are unusual or look alike are imported separately,
/// each under the lease.
pub async fn i5_unusual_ids_are_imported_separately<F: Fixture<Store: SessionImport>>(fixture: &F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let records: Vec<_> = unusual_ids()
        .into_iter()
        .zip(1..)
        .map(|(id, port)| {
            let record = minimal(id, Expiry::Never);
            record.to_builder().quic_port(port).build().unwrap()
        })
        .collect();
    let answers = store.import(&records, &OURS, OnConflict::Skip, t0).await;
    assert_eq!(answers.unwrap(), vec![Stored; records.len()]);
    for record in &records {
        let found = store.lookup(record.id()).await.unwrap();
        assert_eq!(found.as_ref(), Some(record));
        assert!(store.deregister(record.id(), &OURS).await.unwrap());
    }
}

/// Checks I1: there is one outcome per record, in the order of the records.
pub async fn i1_outcomes_have_the_order_of_the_records<F: Fixture<Store: SessionImport>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let mut records = Vec::new();
    let mut expected = Vec::new();
    for number in 0..20 {
        // Backwards, so that the order is not the ids'.
        let record = minimal(id(&format!("session {:02}", 99 - number)), Expiry::Never);
        let taken = number % 3 == 0 || number == 10;
        if taken {
            store.register(&record, &THEIRS, t0).await.unwrap();
        }
        records.push(record);
        expected.push(if taken { Skipped } else { Stored });
    }
    let answers = store.import(&records, &OURS, OnConflict::Skip, t0).await;
    assert_eq!(answers.unwrap(), expected);
}

/// Checks I2: with `Skip`, absent ids, expired records and records of the same
/// lease are stored; live records of another lease, or of none, are skipped.
pub async fn i2_skip_stores_what_register_would_store<F: Fixture<Store: SessionImport>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let now = after(t0, 10);
    let seeded = [
        full(id("seeded, live"), Expiry::At(after(t0, 11))),
        full(id("seeded, expired"), Expiry::At(now)),
    ];
    fixture.seed(&seeded).await;
    let store = fixture.open().await;
    for (name, token, expiry) in [
        ("theirs, forever", THEIRS, Expiry::Never),
        ("theirs, to the end", THEIRS, Expiry::At(after(t0, 11))),
        ("theirs, expired", THEIRS, Expiry::At(now)),
        ("ours, live", OURS, Expiry::Never),
        ("ours, expired", OURS, Expiry::At(now)),
    ] {
        let registered = store.register(&full(id(name), expiry), &token, t0).await;
        registered.unwrap();
    }

    let expected = [
        ("absent", Stored),
        ("theirs, forever", Skipped),
        ("theirs, to the end", Skipped),
        ("theirs, expired", Stored),
        ("ours, live", Stored),
        ("ours, expired", Stored),
        ("seeded, live", Skipped),
        ("seeded, expired", Stored),
    ];
    let batch = expected.map(|(name, _)| other(id(name), Expiry::At(after(t0, 50))));
    let answers = store.import(&batch, &OURS, OnConflict::Skip, now).await;
    assert_eq!(answers.unwrap(), expected.map(|(_, imported)| imported));
    for (record, (name, imported)) in batch.into_iter().zip(expected) {
        let found = store.lookup(record.id()).await.unwrap();
        assert_eq!(found == Some(record), imported == Stored, "{name}");
    }
}

/// Checks I2: the record of a skipped id is unchanged, and so is its lease.
pub async fn i2_skipped_record_and_its_lease_are_unchanged<F: Fixture<Store: SessionImport>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let theirs = full(id("console"), Expiry::At(after(t0, 10)));
    store.register(&theirs, &THEIRS, t0).await.unwrap();
    let batch = [other(id("console"), Expiry::Never)];
    let answers = store.import(&batch, &OURS, OnConflict::Skip, t0).await;
    assert_eq!(answers.unwrap(), [Skipped]);
    let found = store.lookup(theirs.id()).await.unwrap();
    assert_eq!(found.as_ref(), Some(&theirs));
    assert!(!store.deregister(theirs.id(), &OURS).await.unwrap());
    assert!(store.deregister(theirs.id(), &THEIRS).await.unwrap());
}

/// Checks I3: with `Overwrite` every record is stored, and nothing of the record
/// before remains.
pub async fn i3_overwrite_stores_every_record<F: Fixture<Store: SessionImport>>(fixture: &F) {
    let t0 = fixture.t0();
    let seeded = full(id("seeded"), Expiry::Never);
    fixture.seed(std::slice::from_ref(&seeded)).await;
    let store = fixture.open().await;
    for (name, token, expiry) in [
        ("theirs", THEIRS, Expiry::Never),
        ("theirs, expired", THEIRS, Expiry::At(t0)),
        ("ours", OURS, Expiry::Never),
    ] {
        let registered = store.register(&full(id(name), expiry), &token, t0).await;
        registered.unwrap();
    }
    let batch: Vec<_> = ["absent", "seeded", "theirs", "theirs, expired", "ours"]
        .into_iter()
        .map(|name| other(id(name), Expiry::At(after(t0, 50))))
        .collect();
    let answers = store.import(&batch, &OURS, OnConflict::Overwrite, t0).await;
    assert_eq!(answers.unwrap(), [Stored; 5]);
    assert_eq!(list_all(&store, limit(10)).await, by_id(batch));
}

/// Checks I3: with `Overwrite` the record has the new token, and the old one is
/// invalid.
pub async fn i3_overwrite_takes_over_the_lease<F: Fixture<Store: SessionImport>>(fixture: &F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let id = id("console");
    let theirs = full(id.clone(), Expiry::Never);
    store.register(&theirs, &THEIRS, t0).await.unwrap();
    let ours = other(id.clone(), Expiry::At(after(t0, 10)));
    let batch = std::slice::from_ref(&ours);
    let answers = store.import(batch, &OURS, OnConflict::Overwrite, t0).await;
    assert_eq!(answers.unwrap(), [Stored]);

    let answer = store.renew(&id, &THEIRS, Expiry::Never, t0).await;
    assert_lease_lost(&answer);
    assert!(!store.deregister(&id, &THEIRS).await.unwrap());
    let answer = store.register(&theirs, &THEIRS, t0).await;
    assert_already_exists(&answer);
    assert_eq!(store.lookup(&id).await.unwrap(), Some(ours));
    assert!(store.deregister(&id, &OURS).await.unwrap());
}

/// Checks I4: if several records have one id, adjacent or far apart, the last
/// one is stored.
pub async fn i4_last_record_of_an_id_is_stored<F: Fixture<Store: SessionImport>>(fixture: &F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    for on_conflict in [OnConflict::Skip, OnConflict::Overwrite] {
        let mut batch = vec![
            full(id("console"), Expiry::Never),
            other(id("console"), Expiry::Never),
        ];
        batch.extend((0..50).map(|number| {
            let id = id(&format!("between {number}"));
            minimal(id, Expiry::Never)
        }));
        batch.push(minimal(id("console"), Expiry::At(after(t0, 10))));
        let answers = store.import(&batch, &OURS, on_conflict, t0).await.unwrap();
        assert_eq!(answers, vec![Stored; batch.len()]);
        let found = store.lookup(&id("console")).await.unwrap();
        assert_eq!(found.as_ref(), batch.last());
        assert!(store.deregister(&id("console"), &OURS).await.unwrap());
    }
}

/// Checks I4 and I2: if a live record of another lease has an id, both of two
/// records with this id are skipped.
pub async fn i4_both_records_of_a_taken_id_are_skipped<F: Fixture<Store: SessionImport>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let theirs = full(id("console"), Expiry::Never);
    store.register(&theirs, &THEIRS, t0).await.unwrap();
    let batch = [
        other(id("console"), Expiry::Never),
        minimal(id("console"), Expiry::Never),
    ];
    let answers = store.import(&batch, &OURS, OnConflict::Skip, t0).await;
    assert_eq!(answers.unwrap(), [Skipped, Skipped]);
    assert_eq!(store.lookup(theirs.id()).await.unwrap(), Some(theirs));
}

/// Checks I5: importing the same batch again has the same outcomes and stores the
/// same records.
pub async fn i5_repeated_import_is_harmless<F: Fixture<Store: SessionImport>>(fixture: &F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let batch = [
        full(id("a"), Expiry::Never),
        other(id("b"), Expiry::At(t0)),
        minimal(id("c"), Expiry::At(after(t0, 10))),
    ];
    for on_conflict in [OnConflict::Skip, OnConflict::Overwrite, OnConflict::Skip] {
        let answers = store.import(&batch, &OURS, on_conflict, t0).await;
        assert_eq!(answers.unwrap(), [Stored; 3]);
        assert_eq!(list_all(&store, limit(10)).await, by_id(batch.clone()));
    }
}

/// Checks I1, I4, R9 and L1: a batch of thousands is stored, listed and swept
/// completely, no matter how many records a store handles at once.
pub async fn i1_large_batch_is_stored_listed_and_swept<F: Fixture<Store: SessionImport>>(
    fixture: &F,
) {
    const SESSIONS: u64 = 5_000;
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let mut batch: Vec<SessionRecord> = (0..SESSIONS)
        .map(|number| {
            let expiry = match number % 2 {
                0 => Expiry::At(after(t0, 10)),
                _ => Expiry::At(after(t0, 20)),
            };
            minimal(id(&format!("session {number}")), expiry)
        })
        .collect();
    let kept = full(id("session 4321"), Expiry::Never);
    store.register(&kept, &THEIRS, t0).await.unwrap();
    // The id of the first record is repeated at the end.
    batch.push(other(id("session 0"), Expiry::Never));

    let answers = store.import(&batch, &OURS, OnConflict::Skip, t0).await;
    let mut expected = vec![Stored; batch.len()];
    expected[4321] = Skipped;
    assert!(answers.unwrap() == expected, "only record 4321 is skipped");

    let mut records = by_id(batch);
    records.insert(kept.id().clone(), kept);
    assert_same(&list_all(&store, limit(700)).await, &records);
    let swept = store.sweep(after(t0, 10)).await.unwrap();
    // All even ones except "session 0", which was repeated.
    assert_eq!(swept, SESSIONS / 2 - 1);
    records.retain(|_, record| record.is_live(after(t0, 10)));
    assert_same(&list_all(&store, limit(usize::MAX)).await, &records);
}

/// `assert_eq`, without thousands of records in its message.
#[track_caller]
fn assert_same<T: PartialEq>(listed: &BTreeMap<SessionId, T>, expected: &BTreeMap<SessionId, T>) {
    let differing: Vec<_> = listed
        .keys()
        .chain(expected.keys())
        .filter(|id| listed.get(*id) != expected.get(*id))
        .take(5)
        .collect();
    assert!(
        differing.is_empty(),
        "among others, these differ: {differing:?}"
    );
}

/// Checks I2 and R5: when two imports of the same ids run concurrently, each
/// record is stored by exactly one of them.
pub async fn i2_one_of_concurrent_imports_stores_each_record<F: Fixture<Store: SessionImport>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = Arc::new(fixture.open().await);
    for number in 0..10 {
        let batch: Vec<_> = (0..20)
            .map(|record| id(&format!("round {number}, session {record}")))
            .map(|id| minimal(id, Expiry::Never))
            .collect();
        let answers = race([OURS, THEIRS].map(|token| {
            let (store, batch) = (Arc::clone(&store), batch.clone());
            async move { store.import(&batch, &token, OnConflict::Skip, t0).await }
        }))
        .await;
        let [ours, theirs] = <[_; 2]>::try_from(answers).unwrap();
        for (record, answers) in batch
            .iter()
            .zip(ours.unwrap().into_iter().zip(theirs.unwrap()))
        {
            let (winner, loser) = match answers {
                (Stored, Skipped) => (OURS, THEIRS),
                (Skipped, Stored) => (THEIRS, OURS),
                neither_or_both => panic!("expected exactly one to be stored: {neither_or_both:?}"),
            };
            assert!(!store.deregister(record.id(), &loser).await.unwrap());
            assert!(store.deregister(record.id(), &winner).await.unwrap());
        }
    }
}

/// Checks I6: concurrent imports of the same ids in opposite orders all complete,
/// and each record is stored by the last of them.
pub async fn i6_concurrent_imports_in_any_order_complete<F: Fixture<Store: SessionImport>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = Arc::new(fixture.open().await);
    for round in 0..10 {
        let batch: Vec<_> = (0..50)
            .map(|number| minimal(id(&format!("session {number}")), Expiry::Never))
            .collect();
        let reversed: Vec<_> = batch.iter().rev().cloned().collect();
        let imports = [(&batch, OURS), (&reversed, THEIRS), (&reversed, OURS)];
        let answers = race(imports.map(|(batch, token)| {
            let (store, batch) = (Arc::clone(&store), batch.clone());
            async move {
                store
                    .import(&batch, &token, OnConflict::Overwrite, t0)
                    .await
            }
        }))
        .await;
        for answer in answers {
            assert_eq!(answer.unwrap(), [Stored; 50], "round {round}");
        }
        assert_eq!(list_all(&*store, limit(100)).await, by_id(batch));
    }
}

/// Checks I5: a dropped import has stored some records, each whole; importing again
/// stores all.
pub async fn i5_dropped_import_stores_whole_records<F: Fixture<Store: SessionImport>>(fixture: &F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    for polls in 0..40 {
        let batch: Vec<_> = (0..20)
            .map(|number| id(&format!("{polls} polls, session {number}")))
            .map(|id| full(id, Expiry::Never))
            .collect();
        let import = store.import(&batch, &OURS, OnConflict::Skip, t0);
        drop_after(polls, import).await;
        for record in &batch {
            if let Some(found) = store.lookup(record.id()).await.unwrap() {
                assert_eq!(&found, record);
            }
        }
        let answers = store.import(&batch, &OURS, OnConflict::Skip, t0).await;
        assert_eq!(answers.unwrap(), [Stored; 20]);
        for record in &batch {
            let found = store.lookup(record.id()).await.unwrap();
            assert_eq!(found.as_ref(), Some(record));
        }
    }
}
