//! [`Load`]: one call to the store, shared by the lookups that wait for it.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use dcv_resolver_core::{SessionId, SessionRecord, StoreError, StoreErrorKind};
use tokio::sync::Notify;

use crate::entries::Entry;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

pub(crate) type Call =
    Pin<Box<dyn Future<Output = Result<Option<SessionRecord>, StoreError>> + Send>>;

/// One call to the store, polled by the lookups that wait for it.
///
/// No task is spawned: when the first lookup gives up, the next one polls the
/// same call. When the last one gives up, the call is dropped.
///
/// The equivalents of other libraries would break a guarantee of this crate.
/// With the guard of quick_cache each waiter repeats a call that failed or was
/// given up; moka caches a result that was invalidated while it was loaded; and
/// a `Shared` of futures-util that is woken while it is polled wakes only the
/// task that polls it, which may give up.
pub(crate) struct Load {
    id: SessionId,
    began_ns: u64,
    /// `None` once the call has completed.
    call: Mutex<Option<Call>>,
    wakers: Arc<WakerSet>,
    outcome: OnceLock<Result<Entry, StoreError>>,
}

impl Load {
    pub(crate) fn new(id: SessionId, began_ns: u64, call: Call) -> Self {
        Self {
            id,
            began_ns,
            call: Mutex::new(Some(call)),
            wakers: Arc::new(WakerSet {
                is_ready: AtomicBool::new(true),
                tasks: Notify::new(),
            }),
            outcome: OnceLock::new(),
        }
    }

    pub(crate) fn id(&self) -> &SessionId {
        &self.id
    }

    pub(crate) fn began_ns(&self) -> u64 {
        self.began_ns
    }

    /// Waits for the outcome. `complete` makes it from what the store returned,
    /// and is called once, by the waiter that polls the call to its end.
    pub(crate) async fn outcome(
        &self,
        complete: impl Fn(Result<Option<SessionRecord>, StoreError>) -> Result<Entry, StoreError>,
    ) -> Result<Entry, StoreError> {
        loop {
            // Made before the call is polled, so that no wake is missed.
            let woken = self.wakers.tasks.notified();
            if self.outcome.get().is_none() && self.wakers.is_ready.swap(false, Ordering::AcqRel) {
                self.poll_call(&complete);
            }
            if let Some(outcome) = self.outcome.get() {
                return outcome.clone();
            }
            woken.await;
        }
    }

    fn poll_call(
        &self,
        complete: impl Fn(Result<Option<SessionRecord>, StoreError>) -> Result<Entry, StoreError>,
    ) {
        let mut slot = self.call.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(call) = slot.as_mut() else {
            return;
        };
        let waker = Waker::from(Arc::clone(&self.wakers));
        let mut context = Context::from_waker(&waker);
        let polled = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(&mut context)));
        let (result, panic) = match polled {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(result)) => (result, None),
            Err(panic) => (Err(panicked()), Some(panic)),
        };
        let completed = slot.take();
        drop(slot);
        // Cannot be set already: only this thread has taken the call.
        let _ = self.outcome.set(complete(result));
        self.wakers.tasks.notify_waiters();
        drop(completed);
        rethrow(panic);
    }
}

/// A panic of the store unwinds the lookup that polled the call, as it would
/// without a cache. The other waiters get an error.
fn rethrow(panic: Option<Box<dyn Any + Send>>) {
    if let Some(panic) = panic {
        resume_unwind(panic);
    }
}

fn panicked() -> StoreError {
    StoreError::new("cache", StoreErrorKind::Other)
        .with_source("the store panicked in a lookup that was shared with this one")
}

impl fmt::Debug for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Load").finish_non_exhaustive()
    }
}

/// Wakes every waiter of a load. One would be enough to poll the call, but it
/// might be dropped, or be held by a task that no longer polls it.
#[derive(Debug)]
struct WakerSet {
    /// Whether the call can make progress, and no waiter has polled it since.
    is_ready: AtomicBool,
    tasks: Notify,
}

impl Wake for WakerSet {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_ready.store(true, Ordering::Release);
        self.tasks.notify_waiters();
    }
}
