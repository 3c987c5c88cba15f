//! How long `Resolver::resolve` takes, with nothing around it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use dcv_resolver_bench::{ready, sessions};
use dcv_resolver_core::Outcome;

use crate::failure::{Failure, Result};
use crate::process;

const SESSIONS: usize = 1_000;

#[derive(Debug, clap::Args)]
pub(crate) struct TimeResolve {
    #[arg(long)]
    seconds: f64,
}

/// Prints the nanoseconds.
pub(crate) fn run(TimeResolve { seconds }: &TimeResolve) -> Result {
    let resolver = sessions::resolver(SESSIONS);
    let requests = sessions::requests(0..SESSIONS);
    let resolve_all = || -> Result {
        for request in &requests {
            let outcome = black_box(ready(resolver.resolve(black_box(request))));
            if !matches!(outcome, Ok(Outcome::Found(_))) {
                return Err(Failure::new(format!("{request:?} came to {outcome:?}")));
            }
        }
        Ok(())
    };
    // Until the processor knows the way.
    resolve_all()?;
    let (started, used) = (Instant::now(), process::own_processor_time()?);
    let mut resolved = 0;
    while started.elapsed() < Duration::from_secs_f64(*seconds) {
        resolve_all()?;
        resolved += requests.len();
    }
    // Not the time that has passed: others may run on this core as well.
    let used = process::own_processor_time()? - used;
    println!("{}", used.as_secs_f64() * 1e9 / resolved as f64);
    Ok(())
}
