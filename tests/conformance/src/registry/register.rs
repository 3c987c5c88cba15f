use std::sync::Arc;

use dcv_resolver_core::{Expiry, LeaseToken, SessionRegistry, SessionStore, Timestamp};

use crate::Fixture;
use crate::race::race;
use crate::sample::{
    OURS, THEIRS, after, assert_already_exists, assert_lease_lost, full, id, minimal, other,
    unusual_ids, varied,
};

/// How many tasks contend for an id, and for how many ids in turn.
const CONTENDERS: u8 = 16;
const RACES: usize = 30;

/// Checks R1: the registered record is found, and no other.
pub async fn r1_registered_record_is_found<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    assert_eq!(store.lookup(&id("console")).await.unwrap(), None);

    let record = minimal(id("console"), Expiry::Never);
    store.register(&record, &OURS, t0).await.unwrap();
    assert_eq!(store.lookup(record.id()).await.unwrap(), Some(record));
    assert_eq!(store.lookup(&id("another")).await.unwrap(), None);
}

/// Checks R1 and S3: every field is returned unchanged, with its smallest and its
/// greatest values, and with any text.
pub async fn r1_registered_records_are_returned_unchanged<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    for record in varied() {
        store.register(&record, &OURS, t0).await.unwrap();
        let found = store.lookup(record.id()).await.unwrap();
        assert_eq!(found, Some(record));
    }
}

/// Checks R1, R8 and S4: each of many ids that are unusual or look alike has its
/// own record and its own lease.
pub async fn r1_unusual_ids_are_registered_separately<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let leases: Vec<_> = unusual_ids()
        .into_iter()
        .zip(1_u128..)
        .map(|(id, number)| {
            let port = 1_000 + u16::try_from(number).unwrap();
            let record = minimal(id, Expiry::Never);
            let record = record.to_builder().http_port(port).build().unwrap();
            (record, LeaseToken::from_bytes(number.to_be_bytes()))
        })
        .collect();
    for (record, token) in &leases {
        let registered = store.register(record, token, t0).await;
        registered.unwrap_or_else(|error| panic!("{:?}: {}", record.id(), error.chain()));
    }
    for (record, token) in &leases {
        let id = record.id();
        assert_eq!(store.lookup(id).await.unwrap().as_ref(), Some(record));
        assert!(store.deregister(id, token).await.unwrap(), "{id:?}");
        assert_eq!(store.lookup(id).await.unwrap(), None, "{id:?}");
    }
}

/// Checks R1: `register` stores a record with any expiry, even if that is `now`
/// or long ago.
pub async fn r1_expired_record_can_be_registered<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    for (name, expires_at) in [("now", t0), ("long ago", Timestamp::from_unix_ms(1))] {
        let record = minimal(id(name), Expiry::At(expires_at));
        store.register(&record, &OURS, t0).await.unwrap();
        assert_eq!(store.lookup(record.id()).await.unwrap(), Some(record));
    }
}

/// Checks R2: `register` is refused and changes nothing if the stored record is
/// live under another token, forever or for one more millisecond.
pub async fn r2_live_record_of_another_lease_is_kept<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    for (name, expiry) in [
        ("forever", Expiry::Never),
        ("to the end", Expiry::At(after(t0, 10))),
    ] {
        let ours = full(id(name), expiry);
        store.register(&ours, &OURS, t0).await.unwrap();
        let theirs = other(id(name), Expiry::Never);
        let answer = store.register(&theirs, &THEIRS, after(t0, 9)).await;
        assert_already_exists(&answer);
        assert_eq!(store.lookup(ours.id()).await.unwrap(), Some(ours));
    }
}

/// Checks R2, R6 and R8: the same holds for a live record without a token, or with
/// an unknown one.
pub async fn r2_live_seeded_record_is_kept<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
    let t0 = fixture.t0();
    let seeded = full(id("console"), Expiry::At(after(t0, 10)));
    fixture.seed(std::slice::from_ref(&seeded)).await;
    let store = fixture.open().await;

    let ours = other(id("console"), Expiry::Never);
    let answer = store.register(&ours, &OURS, after(t0, 9)).await;
    assert_already_exists(&answer);
    let expiry = Expiry::At(after(t0, 99));
    let answer = store.renew(seeded.id(), &OURS, expiry, t0).await;
    assert_lease_lost(&answer);
    assert!(!store.deregister(seeded.id(), &OURS).await.unwrap());
    assert_eq!(store.lookup(seeded.id()).await.unwrap(), Some(seeded));
}

/// Checks R2: a refused `register` takes no lease from its owner and grants none.
pub async fn r2_refused_register_does_not_change_the_lease<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let id = id("console");
    let expiry = Expiry::At(after(t0, 10));
    let ours = minimal(id.clone(), expiry);
    store.register(&ours, &OURS, t0).await.unwrap();
    let theirs = other(id.clone(), Expiry::Never);
    let answer = store.register(&theirs, &THEIRS, t0).await;
    assert_already_exists(&answer);

    let answer = store.renew(&id, &THEIRS, Expiry::Never, t0).await;
    assert_lease_lost(&answer);
    assert!(!store.deregister(&id, &THEIRS).await.unwrap());
    let later = Expiry::At(after(t0, 20));
    store.renew(&id, &OURS, later, t0).await.unwrap();
    assert!(store.deregister(&id, &OURS).await.unwrap());
}

/// Checks R2 and R8: tokens that differ in one bit, or only after a NUL, are
/// different tokens.
pub async fn r2_tokens_are_compared_in_full<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    // NUL, text, a quote, and bytes that are not UTF-8.
    for (name, fill) in [
        ("nul", 0),
        ("text", b'a'),
        ("quote", b'\''),
        ("bytes", 0xff),
    ] {
        let bytes = [fill; LeaseToken::BYTES];
        let token = LeaseToken::from_bytes(bytes);
        let record = minimal(id(name), Expiry::Never);
        store.register(&record, &token, t0).await.unwrap();
        for position in 0..LeaseToken::BYTES {
            for bit in [0x01, 0x20, 0x80] {
                let mut bytes = bytes;
                bytes[position] ^= bit;
                let wrong = LeaseToken::from_bytes(bytes);
                let answer = store.register(&record, &wrong, t0).await;
                assert_already_exists(&answer);
                assert!(!store.deregister(record.id(), &wrong).await.unwrap());
            }
        }
        assert!(store.deregister(record.id(), &token).await.unwrap());
    }
}

/// Checks R3: `register` replaces a live record under the same token, and
/// nothing of the old record remains.
pub async fn r3_repeated_register_stores_the_new_record<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let id = id("console");
    for record in [
        full(id.clone(), Expiry::At(after(t0, 10))),
        full(id.clone(), Expiry::At(after(t0, 10))),
        other(id.clone(), Expiry::Never),
        minimal(id.clone(), Expiry::At(after(t0, 5))),
        full(id.clone(), Expiry::At(after(t0, 20))),
    ] {
        store.register(&record, &OURS, t0).await.unwrap();
        assert_eq!(store.lookup(&id).await.unwrap(), Some(record));
    }
    assert!(store.deregister(&id, &OURS).await.unwrap());
    assert_eq!(store.lookup(&id).await.unwrap(), None);
}

/// Checks R3: `register` replaces an expired record under the same token.
pub async fn r3_repeated_register_revives_an_expired_record<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let old = full(id("console"), Expiry::At(after(t0, 10)));
    store.register(&old, &OURS, t0).await.unwrap();
    let new = other(id("console"), Expiry::At(after(t0, 50)));
    store.register(&new, &OURS, after(t0, 20)).await.unwrap();
    assert_eq!(store.lookup(new.id()).await.unwrap().as_ref(), Some(&new));
    let expiry = Expiry::At(after(t0, 90));
    let renewed = store.renew(new.id(), &OURS, expiry, after(t0, 49)).await;
    renewed.unwrap();
}

/// Checks R4: `register` replaces a record of another lease from the very
/// instant of its expiry.
pub async fn r4_expired_record_counts_as_absent<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    for (name, now) in [("at", after(t0, 10)), ("after", after(t0, 10_000))] {
        let old = full(id(name), Expiry::At(after(t0, 10)));
        store.register(&old, &THEIRS, t0).await.unwrap();
        let new = minimal(id(name), Expiry::Never);
        store.register(&new, &OURS, now).await.unwrap();
        assert_eq!(store.lookup(new.id()).await.unwrap(), Some(new));
    }
}

/// Checks R4: the same holds for an expired record without a token, or with an
/// unknown one.
pub async fn r4_expired_seeded_record_counts_as_absent<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let seeded = full(id("console"), Expiry::At(after(t0, 10)));
    fixture.seed(std::slice::from_ref(&seeded)).await;
    let store = fixture.open().await;
    let ours = other(id("console"), Expiry::Never);
    store.register(&ours, &OURS, after(t0, 10)).await.unwrap();
    assert_eq!(store.lookup(ours.id()).await.unwrap(), Some(ours));
    assert!(store.deregister(seeded.id(), &OURS).await.unwrap());
}

/// Checks R2, R4 and R9: an expiry far from `now`, before 1970 or beyond the range
/// of 32 bits or of a floating-point number, is compared like any other.
pub async fn r4_extreme_expiries_are_compared_correctly<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    const PAST: [i64; 6] = [i64::MIN, -1_893_456_000_001, -1, 0, 7, (1 << 31) + 1];
    const TO_COME: [i64; 4] = [1 << 53, (1 << 53) + 1, 253_402_300_799_999, i64::MAX];
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let record = |name: &str, ms: i64| {
        let expiry = Expiry::At(Timestamp::from_unix_ms(ms));
        full(id(&format!("{name} {ms}")), expiry)
    };
    for ms in PAST.into_iter().chain(TO_COME) {
        for name in ["swept", "overwritten"] {
            let record = record(name, ms);
            store.register(&record, &THEIRS, t0).await.unwrap();
        }
    }
    for ms in PAST {
        let ours = other(record("overwritten", ms).id().clone(), Expiry::Never);
        store.register(&ours, &OURS, t0).await.unwrap();
        assert_eq!(store.lookup(ours.id()).await.unwrap(), Some(ours));
    }
    for ms in TO_COME {
        let ours = other(record("overwritten", ms).id().clone(), Expiry::Never);
        let answer = store.register(&ours, &OURS, t0).await;
        assert_already_exists(&answer);
    }
    assert_eq!(store.sweep(t0).await.unwrap(), PAST.len() as u64);
    for ms in PAST {
        let swept = record("swept", ms);
        assert_eq!(store.lookup(swept.id()).await.unwrap(), None);
    }
    for ms in TO_COME {
        let kept = record("swept", ms);
        assert_eq!(store.lookup(kept.id()).await.unwrap(), Some(kept));
    }
}

/// Checks R4: after another owner has registered over an expired record, the old
/// token can neither renew nor deregister nor register.
pub async fn r4_token_of_a_replaced_record_is_invalid<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let id = id("console");
    let old = full(id.clone(), Expiry::At(after(t0, 10)));
    store.register(&old, &THEIRS, t0).await.unwrap();
    let now = after(t0, 10);
    let new = minimal(id.clone(), Expiry::At(after(t0, 50)));
    store.register(&new, &OURS, now).await.unwrap();

    let answer = store.renew(&id, &THEIRS, Expiry::Never, now).await;
    assert_lease_lost(&answer);
    assert!(!store.deregister(&id, &THEIRS).await.unwrap());
    let answer = store.register(&old, &THEIRS, now).await;
    assert_already_exists(&answer);
    assert_eq!(store.lookup(&id).await.unwrap(), Some(new));
    assert!(store.deregister(&id, &OURS).await.unwrap());
}

/// Checks R5: exactly one of many concurrent `register` calls for a free id
/// succeeds, and each of the others is refused because the id is taken.
pub async fn r5_one_of_concurrent_registers_wins<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
    let t0 = fixture.t0();
    let store = Arc::new(fixture.open().await);
    for number in 0..RACES {
        contend(&store, &format!("contended {number}"), t0).await;
    }
}

/// Checks R5 and R4: the same holds over an expired record that was not swept.
pub async fn r5_one_of_concurrent_registers_over_an_expired_record_wins<
    F: Fixture<Store: SessionRegistry>,
>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = Arc::new(fixture.open().await);
    for number in 0..RACES {
        let name = format!("contended {number}");
        let expired = full(id(&name), Expiry::At(after(t0, 10)));
        store.register(&expired, &THEIRS, t0).await.unwrap();
        contend(&store, &name, after(t0, 10)).await;
    }
}

async fn contend<S: SessionRegistry>(store: &Arc<S>, name: &str, now: Timestamp) {
    let contenders: Vec<_> = (1..=CONTENDERS)
        .map(|number| {
            let record = minimal(id(name), Expiry::Never);
            let port = u16::from(number);
            (
                record.to_builder().http_port(port).build().unwrap(),
                LeaseToken::from_bytes([number; LeaseToken::BYTES]),
            )
        })
        .collect();
    let answers = race(contenders.iter().cloned().map(|(record, token)| {
        let store = Arc::clone(store);
        async move { store.register(&record, &token, now).await }
    }))
    .await;

    let mut winners = Vec::new();
    for (contender, answer) in contenders.into_iter().zip(&answers) {
        match answer {
            Ok(()) => winners.push(contender),
            Err(_) => assert_already_exists(answer),
        }
    }
    let [(record, token)] = winners.as_slice() else {
        panic!("expected one winner, not {}: {winners:?}", winners.len());
    };
    let found = store.lookup(record.id()).await.unwrap();
    assert_eq!(
        found.as_ref(),
        Some(record),
        "the record of the winner is found"
    );
    let renewed = store.renew(record.id(), token, Expiry::Never, now).await;
    renewed.expect("the token of the winner is valid");
}
