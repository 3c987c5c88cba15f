use std::sync::Arc;

use dcv_resolver_core::{
    Expiry, LeaseToken, SessionRegistry, SessionStore, StoreErrorKind, Timestamp,
};

use crate::Fixture;
use crate::race::race;
use crate::sample::{
    OURS, THEIRS, after, assert_kind, awkward_ids, full, id, minimal, other, varied,
};

/// How many contend for an id, and for how many ids one after the other.
const CONTENDERS: u8 = 16;
const RACES: usize = 30;

/// [`SessionRegistry`] rule 1: what was registered is found, and nothing else.
pub async fn register_stores<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    assert_eq!(store.lookup(&id("console")).await.unwrap(), None);

    let record = minimal(id("console"), Expiry::Never);
    store.register(&record, &OURS, t0).await.unwrap();
    assert_eq!(store.lookup(record.id()).await.unwrap(), Some(record));
    assert_eq!(store.lookup(&id("another")).await.unwrap(), None);
}

/// [`SessionRegistry`] rule 1 and [`SessionStore`] rule 3: every field comes
/// back, at its least and at its greatest, and with any text in it.
pub async fn registered_records_come_back_as_they_went_in<F: Fixture<Store: SessionRegistry>>(
    fixture: F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    for record in varied() {
        store.register(&record, &OURS, t0).await.unwrap();
        let found = store.lookup(record.id()).await.unwrap();
        assert_eq!(found, Some(record));
    }
}

/// [`SessionRegistry`] rules 2 and 8, and [`SessionStore`] rules 3 and 4: each
/// of many ids that are awkward or look alike has a record and a lease of its
/// own.
pub async fn awkward_ids_are_registered_apart<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let leases: Vec<_> = awkward_ids()
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

/// [`SessionRegistry`] rule 1: register stores whatever the expiry, at `now`
/// and long before.
pub async fn an_expired_record_can_be_registered<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    for (name, expires_at) in [("now", t0), ("long ago", Timestamp::from_unix_ms(1))] {
        let record = minimal(id(name), Expiry::At(expires_at));
        store.register(&record, &OURS, t0).await.unwrap();
        assert_eq!(store.lookup(record.id()).await.unwrap(), Some(record));
    }
}

/// [`SessionRegistry`] rule 2: over a record that is live under another token,
/// for ever or for one more millisecond, register is `AlreadyExists` and
/// changes nothing.
pub async fn a_live_record_of_another_lease_is_kept<F: Fixture<Store: SessionRegistry>>(
    fixture: F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    for (name, expiry) in [
        ("for ever", Expiry::Never),
        ("to the end", Expiry::At(after(t0, 10))),
    ] {
        let ours = full(id(name), expiry);
        store.register(&ours, &OURS, t0).await.unwrap();
        let theirs = other(id(name), Expiry::Never);
        let answer = store.register(&theirs, &THEIRS, after(t0, 9)).await;
        assert_kind(&answer, StoreErrorKind::AlreadyExists);
        assert_eq!(store.lookup(ours.id()).await.unwrap(), Some(ours));
    }
}

/// [`SessionRegistry`] rule 2: a live record under no token, or under one that
/// nobody knows, is kept as well.
pub async fn a_live_record_that_was_seeded_is_kept<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let seeded = full(id("console"), Expiry::At(after(t0, 10)));
    fixture.seed(std::slice::from_ref(&seeded)).await;
    let store = fixture.open().await;

    let ours = other(id("console"), Expiry::Never);
    let answer = store.register(&ours, &OURS, after(t0, 9)).await;
    assert_kind(&answer, StoreErrorKind::AlreadyExists);
    let expiry = Expiry::At(after(t0, 99));
    let answer = store.renew(seeded.id(), &OURS, expiry, t0).await;
    assert_kind(&answer, StoreErrorKind::LeaseLost);
    assert!(!store.deregister(seeded.id(), &OURS).await.unwrap());
    assert_eq!(store.lookup(seeded.id()).await.unwrap(), Some(seeded));
}

/// [`SessionRegistry`] rule 2: a register that is refused takes no lease from
/// its owner, and gives none.
pub async fn a_refused_register_leaves_the_lease<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let id = id("console");
    let expiry = Expiry::At(after(t0, 10));
    let ours = minimal(id.clone(), expiry);
    store.register(&ours, &OURS, t0).await.unwrap();
    let theirs = other(id.clone(), Expiry::Never);
    let answer = store.register(&theirs, &THEIRS, t0).await;
    assert_kind(&answer, StoreErrorKind::AlreadyExists);

    let answer = store.renew(&id, &THEIRS, Expiry::Never, t0).await;
    assert_kind(&answer, StoreErrorKind::LeaseLost);
    assert!(!store.deregister(&id, &THEIRS).await.unwrap());
    let later = Expiry::At(after(t0, 20));
    store.renew(&id, &OURS, later, t0).await.unwrap();
    assert!(store.deregister(&id, &OURS).await.unwrap());
}

/// [`SessionRegistry`] rule 2: tokens that differ in one bit, or in what
/// follows a NUL, are different tokens.
pub async fn tokens_are_compared_in_full<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    // NUL, text, a quote, and what is no UTF-8.
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
                assert_kind(&answer, StoreErrorKind::AlreadyExists);
                assert!(!store.deregister(record.id(), &wrong).await.unwrap());
            }
        }
        assert!(store.deregister(record.id(), &token).await.unwrap());
    }
}

/// [`SessionRegistry`] rule 3: over a live record under the same token,
/// register stores the new record, and nothing of the old one is left.
pub async fn registering_again_stores_the_new_record<F: Fixture<Store: SessionRegistry>>(
    fixture: F,
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

/// [`SessionRegistry`] rule 3: over an expired record under the same token,
/// register stores the new record.
pub async fn registering_again_revives_an_expired_record<F: Fixture<Store: SessionRegistry>>(
    fixture: F,
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

/// [`SessionRegistry`] rule 4: over a record of another lease, register
/// succeeds from the very instant of the expiry.
pub async fn an_expired_record_counts_as_absent<F: Fixture<Store: SessionRegistry>>(fixture: F) {
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

/// [`SessionRegistry`] rule 4: so it does over an expired record under no
/// token, or under one that nobody knows.
pub async fn an_expired_record_that_was_seeded_counts_as_absent<
    F: Fixture<Store: SessionRegistry>,
>(
    fixture: F,
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

/// [`SessionRegistry`] rules 2, 4 and 9: an expiry far from `now`, before 1970
/// or beyond what 32 bits, or a floating-point number, hold, is past or not
/// past as any other.
pub async fn far_expiries_are_judged_rightly<F: Fixture<Store: SessionRegistry>>(fixture: F) {
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
        assert_kind(&answer, StoreErrorKind::AlreadyExists);
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

/// [`SessionRegistry`] rule 4: once another has registered over an expired
/// record, the old token neither renews nor removes nor registers.
pub async fn the_token_of_an_expired_record_is_worth_nothing<F: Fixture<Store: SessionRegistry>>(
    fixture: F,
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
    assert_kind(&answer, StoreErrorKind::LeaseLost);
    assert!(!store.deregister(&id, &THEIRS).await.unwrap());
    let answer = store.register(&old, &THEIRS, now).await;
    assert_kind(&answer, StoreErrorKind::AlreadyExists);
    assert_eq!(store.lookup(&id).await.unwrap(), Some(new));
    assert!(store.deregister(&id, &OURS).await.unwrap());
}

/// [`SessionRegistry`] rule 5: of many that register a free id at the same
/// time, exactly one succeeds, and each other is `AlreadyExists`.
pub async fn of_concurrent_registers_one_wins<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = Arc::new(fixture.open().await);
    for number in 0..RACES {
        contend(&store, &format!("contended {number}"), t0).await;
    }
}

/// [`SessionRegistry`] rules 4 and 5: so it is over an expired record, which
/// was not swept.
pub async fn of_concurrent_registers_over_an_expired_record_one_wins<
    F: Fixture<Store: SessionRegistry>,
>(
    fixture: F,
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
            Err(_) => assert_kind(answer, StoreErrorKind::AlreadyExists),
        }
    }
    let [(record, token)] = winners.as_slice() else {
        panic!("exactly one was to win, {} did: {winners:?}", winners.len());
    };
    let found = store.lookup(record.id()).await.unwrap();
    assert_eq!(found.as_ref(), Some(record), "the winner's record is there");
    let renewed = store.renew(record.id(), token, Expiry::Never, now).await;
    renewed.expect("the winner's token is there");
}
