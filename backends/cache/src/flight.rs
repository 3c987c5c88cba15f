//! [`Flight`]: one call to the store, for everybody who asked meanwhile.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use dcv_resolver_core::{SessionId, SessionRecord, StoreError, StoreErrorKind};

use crate::entries::Entry;
use crate::signal::Signal;

pub(crate) type Answer = Result<Option<SessionRecord>, StoreError>;
pub(crate) type Call = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// One call to the store, driven on by whoever waits for it: no task is
/// spawned, and when the first asker gives up, the next drives the same call.
/// When the last gives up, the call is dropped.
pub(crate) struct Flight {
    id: SessionId,
    began_ns: u64,
    signal: Arc<Signal>,
    /// The signal, as the call knows it.
    waker: Waker,
    /// `None` when it is over.
    call: Mutex<Option<Call>>,
    landed: OnceLock<Result<Entry, StoreError>>,
}

impl Flight {
    pub(crate) fn new(id: SessionId, began_ns: u64, call: Call) -> Self {
        let signal = Arc::new(Signal::new());
        Self {
            id,
            began_ns,
            waker: Waker::from(Arc::clone(&signal)),
            signal,
            call: Mutex::new(Some(call)),
            landed: OnceLock::new(),
        }
    }

    pub(crate) fn id(&self) -> &SessionId {
        &self.id
    }

    pub(crate) fn began_ns(&self) -> u64 {
        self.began_ns
    }

    /// What everybody is answered with. `land` is called once, by the one who
    /// finds the call completed.
    pub(crate) fn poll(
        &self,
        seat: &mut Option<u64>,
        context: &Context<'_>,
        land: impl FnOnce(Answer) -> Result<Entry, StoreError>,
    ) -> Poll<Result<Entry, StoreError>> {
        if self.landed.get().is_none() {
            self.signal.register(seat, context.waker());
            if self.signal.take_ready() {
                self.advance(land);
            }
        }
        match self.landed.get() {
            Some(landed) => Poll::Ready(landed.clone()),
            None => Poll::Pending,
        }
    }

    /// A panic of the store goes on in the task that meets it, as it would
    /// without a cache. It is an error for everybody else.
    fn advance(&self, land: impl FnOnce(Answer) -> Result<Entry, StoreError>) {
        let mut slot = self.call.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(call) = slot.as_mut() else {
            return;
        };
        let mut context = Context::from_waker(&self.waker);
        let polled = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(&mut context)));
        let (answer, panic) = match polled {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(answer)) => (answer, None),
            Err(panic) => (Err(panicked()), Some(panic)),
        };
        let call = slot.take();
        drop(slot);
        // Only this thread has seen the call complete.
        let _ = self.landed.set(land(answer));
        self.signal.wake_all();
        drop(call);
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    pub(crate) fn forget(&self, seat: u64) {
        self.signal.forget(seat);
    }
}

fn panicked() -> StoreError {
    StoreError::new("cache", StoreErrorKind::Other)
        .with_source("the store panicked in a lookup that this one shared")
}

impl fmt::Debug for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flight")
            .field("id", &self.id)
            .field("landed", &self.landed)
            .finish_non_exhaustive()
    }
}
