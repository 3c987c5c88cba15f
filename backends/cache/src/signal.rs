//! [`Signal`]: wakes everybody who waits for the same call.

use std::collections::BTreeMap;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// The waker of a call that several wait for.
///
/// It wakes all of them, although one is enough to drive the call on: the one
/// that was chosen might be dropped, or kept by a task that no longer looks at
/// it, and the others would wait for ever.
#[derive(Debug)]
pub(crate) struct Signal {
    /// The call can go on, and nobody has seen to it yet.
    ready: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    seats_given: u64,
    wakers: BTreeMap<u64, Waker>,
}

impl Signal {
    pub(crate) fn new() -> Self {
        Self {
            // It has never been polled.
            ready: AtomicBool::new(true),
            waiting: Mutex::default(),
        }
    }

    /// Has `waker` woken by what comes next. To be called before
    /// [`take_ready`](Self::take_ready), so that nothing is missed in between.
    pub(crate) fn register(&self, seat: &mut Option<u64>, waker: &Waker) {
        let mut waiting = self.lock();
        let seat = *seat.get_or_insert_with(|| {
            waiting.seats_given += 1;
            waiting.seats_given
        });
        waiting
            .wakers
            .entry(seat)
            .and_modify(|registered| registered.clone_from(waker))
            .or_insert_with(|| waker.clone());
    }

    pub(crate) fn forget(&self, seat: u64) {
        // A waker's drop is the runtime's code: not under the lock.
        let waker = self.lock().wakers.remove(&seat);
        drop(waker);
    }

    /// Whether the call is to be polled, which then is upon the caller.
    pub(crate) fn take_ready(&self) -> bool {
        self.ready.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn wake_all(&self) {
        let wakers = mem::take(&mut self.lock().wakers);
        wakers.into_values().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.store(true, Ordering::Release);
        self.wake_all();
    }
}
