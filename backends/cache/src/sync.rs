//! The locks and atomics of the cache: those of the standard library, and in
//! unit tests those of loom, which runs the threads of a test in every order.
//!
//! The counters do not use these, because they decide nothing.

#[cfg(test)]
pub(crate) use loom::sync::{Mutex, MutexGuard, atomic};
#[cfg(not(test))]
pub(crate) use std::sync::{Mutex, MutexGuard, atomic};

/// Runs `threads` in every order in which at most two threads are interrupted,
/// or as many as `DCV_TEST_PREEMPTIONS` says. Time does not pass.
#[cfg(test)]
pub(crate) fn explore(threads: impl Fn() + Send + Sync + 'static) {
    let preemptions = std::env::var("DCV_TEST_PREEMPTIONS");
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions.map_or(2, |number| number.parse().unwrap()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let _clock = runtime.enter();
    model.check(threads);
}
