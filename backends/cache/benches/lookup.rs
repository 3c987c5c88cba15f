//! What a hit costs, among a thousand entries and among a million.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a benchmark stops at the first failure"
)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use dcv_resolver_cache::{CacheConfig, CachedStore};
use dcv_resolver_core::{
    ChangeEvent, Clock, Expiry, MemoryStore, SessionId, SessionRecord, SessionStore, SystemClock,
};
use futures_util::FutureExt;
use tokio::time::Instant;

const DAY: Duration = Duration::from_secs(86_400);
const SIZES: [(usize, &str); 2] = [(1_000, "1k"), (1_000_000, "1M")];

/// A cache that serves all of its entries, and their ids in an order that no
/// processor foresees.
fn filled(
    count: usize,
    expiry: Expiry,
    is_caught_up: bool,
) -> (CachedStore<MemoryStore>, Vec<SessionId>) {
    let mut ids: Vec<SessionId> = (0..count)
        .map(|index| format!("session-{index:07}").parse().unwrap())
        .collect();
    let records = ids.iter().map(|id| {
        SessionRecord::builder(id.clone(), "ws-17.dcv.example".parse().unwrap(), expiry)
            .http_port(8443)
            .quic_port(8443)
            .build()
            .unwrap()
    });
    let config = CacheConfig::default()
        .max_bytes(1 << 30)
        .ttl(DAY)
        .max_staleness(DAY);
    let cached = CachedStore::new(records.collect(), config);
    if is_caught_up {
        cached
            .listener()
            .on_change(ChangeEvent::CaughtUp(Instant::now().into_std()));
    }
    for id in &ids {
        let answer = cached.lookup(id).now_or_never().unwrap();
        answer.unwrap().expect("a record");
    }
    fastrand::Rng::with_seed(1).shuffle(&mut ids);
    (cached, ids)
}

fn lookups(criterion: &mut Criterion) {
    let lease = Expiry::At(SystemClock.now().saturating_add(DAY));
    for (count, size) in SIZES {
        for (expiry, is_caught_up, kind) in [
            (Expiry::Never, false, "hit"),
            (lease, false, "hit of a lease"),
            (lease, true, "hit with a change source"),
        ] {
            let (cached, ids) = filled(count, expiry, is_caught_up);
            let mut next = ids.iter().cycle();
            criterion.bench_function(&format!("{kind}/{size}"), |bencher| {
                bencher.iter(|| {
                    cached
                        .lookup(black_box(next.next().unwrap()))
                        .now_or_never()
                });
            });
        }
    }
}

fn all_changed(criterion: &mut Criterion) {
    for (count, size) in SIZES {
        let (cached, _) = filled(count, Expiry::Never, false);
        let listener = cached.listener();
        criterion.bench_function(&format!("all_changed/{size}"), |bencher| {
            bencher.iter(|| listener.on_change(ChangeEvent::AllChanged));
        });
    }
}

criterion_group!(benches, lookups, all_changed);
criterion_main!(benches);
