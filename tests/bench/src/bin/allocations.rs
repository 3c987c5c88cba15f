//! How many allocations `Resolver::resolve` makes for a session of a file. A
//! program of its own, since it counts with an allocator of its own.

#![expect(clippy::print_stdout, reason = "what it counts is all it is for")]

use dcv_resolver_bench::{ready, sessions};

fn main() {
    let resolver = sessions::resolver(1_000);
    let requests = sessions::requests(0..1_000);
    let resolve_all = || {
        for request in &requests {
            drop(ready(resolver.resolve(request)));
        }
    };
    // What a thread allocates once is no part of it.
    resolve_all();
    let counted = allocation_counter::measure(resolve_all);
    println!("{}", counted.count_total as f64 / requests.len() as f64);
}
