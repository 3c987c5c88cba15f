//! [`Counter`]: counts on many processors without one waiting for another.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A processor writes a line of memory fast as long as no other writes to it,
/// so each thread counts in a line of its own, as far as they go round.
#[derive(Debug, Default)]
pub(crate) struct Counter([Line; LINES]);

const LINES: usize = 16;

/// 128 bytes, since processors fetch two lines of 64 at a time.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line(AtomicU64);

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static LINE: usize = THREADS.fetch_add(1, Ordering::Relaxed) % LINES;
}

impl Counter {
    pub(crate) fn add_one(&self) {
        // A thread that is ending, and whose locals are gone, counts in the first.
        let line = LINE.try_with(|line| *line).unwrap_or(0);
        self.0[line].0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn total(&self) -> u64 {
        self.0
            .iter()
            .map(|line| line.0.load(Ordering::Relaxed))
            .sum()
    }
}
