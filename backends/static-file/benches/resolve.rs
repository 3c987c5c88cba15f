//! What it costs to resolve, among a thousand sessions of a file and among a
//! million.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first surprise"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use criterion::{Criterion, criterion_group, criterion_main};
use dcv_resolver_core::{Outcome, ResolveRequest, Resolver, Transport};
use dcv_resolver_static_file::StaticFileStore;

const SIZES: [(usize, &str); 2] = [(1_000, "1k"), (1_000_000, "1M")];

/// Nothing here waits.
fn ready<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing here waits"),
    }
}

/// As long as a UUID, as brokers give them out, and in no order.
fn id(number: usize) -> String {
    let spread = (number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let hex = format!("{spread:032x}");
    let groups = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    groups.join("-")
}

fn resolver(count: usize) -> Resolver {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.json");
    let mut text = String::from("{");
    for number in 0..count {
        let comma = if number == 0 { "" } else { "," };
        let id = id(number);
        write!(
            text,
            r#"{comma}"{id}":{{"Host":"ws-{number}.dcv.example","HttpPort":8443,"QuicPort":8443}}"#
        )
        .unwrap();
    }
    text.push('}');
    std::fs::write(&path, text).unwrap();
    Resolver::new(StaticFileStore::load(&path).unwrap())
}

/// Requests for the sessions from `first` on.
fn requests(first: usize, count: usize) -> Vec<ResolveRequest> {
    let mut numbers: Vec<_> = (first..first + count).collect();
    // Before the requests are made: they are read in the order in which they
    // stand in memory, as if each had come in just before.
    scatter(&mut numbers);
    let request = |number| ResolveRequest::new(id(number).parse().unwrap(), Transport::Http);
    numbers.into_iter().map(request).collect()
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

fn resolve(criterion: &mut Criterion) {
    for (count, size) in SIZES {
        let resolver = resolver(count);
        for (first, kind) in [(0, "hit"), (count, "miss")] {
            let requests = requests(first, count);
            let is_hit =
                |request| matches!(ready(resolver.resolve(request)), Ok(Outcome::Found(_)));
            assert_eq!(is_hit(&requests[0]), kind == "hit");
            let mut next = requests.iter().cycle();
            criterion.bench_function(&format!("{kind}/{size}"), |bencher| {
                bencher.iter(|| ready(resolver.resolve(black_box(next.next().unwrap()))));
            });
        }
    }
}

criterion_group!(benches, resolve);
criterion_main!(benches);
