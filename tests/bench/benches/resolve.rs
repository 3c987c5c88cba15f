//! What it costs to resolve, among a thousand sessions of a file and among a
//! million.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark panics on the first failure"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use dcv_resolver_bench::{ready, sessions};
use dcv_resolver_core::{Outcome, ResolveRequest};

const SIZES: [(usize, &str); 2] = [(1_000, "1k"), (1_000_000, "1M")];

/// Requests for the sessions from `first` on, in an order that no processor
/// foresees.
fn requests(first: usize, count: usize) -> Vec<ResolveRequest> {
    let mut numbers: Vec<_> = (first..first + count).collect();
    // Before the requests are made: they are read in the order in which they
    // stand in memory, as if each had come in just before.
    fastrand::Rng::with_seed(1).shuffle(&mut numbers);
    sessions::requests(numbers)
}

fn resolve(criterion: &mut Criterion) {
    for (count, size) in SIZES {
        let resolver = sessions::resolver(count);
        for (first, kind) in [(0, "hit"), (count, "absent")] {
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
