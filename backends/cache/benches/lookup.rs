//! What a hit costs, among a thousand entries and among a million.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark stops at the first surprise"
)]

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use dcv_resolver_cache::{CacheConfig, CachedStore};
use dcv_resolver_core::{
    Clock, Expiry, MemoryStore, SessionId, SessionRecord, SessionStore, SystemClock,
};

const SIZES: [(usize, &str); 2] = [(1_000, "1k"), (1_000_000, "1M")];

/// Every answer here is at hand.
fn ready<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing here waits"),
    }
}

fn filled(count: usize, expiry: Expiry) -> (CachedStore<MemoryStore>, Vec<SessionId>) {
    let records = (0..count).map(|index| {
        let id = format!("session-{index:07}").parse().unwrap();
        SessionRecord::builder(id, "ws-17.dcv.example".parse().unwrap(), expiry)
            .http_port(8443)
            .quic_port(8443)
            .build()
            .unwrap()
    });
    let config = CacheConfig::default()
        .max_bytes(1 << 30)
        .hit_lifetime(Duration::from_secs(86_400));
    let cached = CachedStore::new(records.collect(), config);
    let mut ids: Vec<SessionId> = (0..count)
        .map(|index| format!("session-{index:07}").parse().unwrap())
        .collect();
    for id in &ids {
        ready(cached.lookup(id)).unwrap().expect("a record");
    }
    scatter(&mut ids);
    (cached, ids)
}

/// An order that no processor foresees.
fn scatter<T>(items: &mut [T]) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for index in (1..items.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        items.swap(index, (state % (index as u64 + 1)) as usize);
    }
}

fn lookups(criterion: &mut Criterion) {
    let far = SystemClock.now().saturating_add(Duration::from_secs(86_400));
    for (count, name) in SIZES {
        for (expiry, kind) in [(Expiry::Never, "hit"), (Expiry::At(far), "hit of a lease")] {
            let (cached, ids) = filled(count, expiry);
            let mut next = ids.iter().cycle();
            criterion.bench_function(&format!("{kind}/{name}"), |bencher| {
                bencher.iter(|| ready(cached.lookup(black_box(next.next().unwrap()))));
            });
        }
        let (cached, ids) = filled(count, Expiry::At(far));
        cached
            .listener()
            .confirmed(tokio::time::Instant::now().into_std() + Duration::from_secs(1));
        drop(ids);
    }
}

fn void_all(criterion: &mut Criterion) {
    let (cached, _) = filled(1_000_000, Expiry::Never);
    let listener = cached.listener();
    criterion.bench_function("all_changed/1M", |bencher| {
        bencher.iter_batched(|| (), |()| listener.all_changed(), BatchSize::SmallInput);
    });
}

criterion_group!(benches, lookups, void_all);
criterion_main!(benches);
