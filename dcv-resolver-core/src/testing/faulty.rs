use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::wakers::Wakers;
use crate::{
    BoxFuture, Expiry, ImportOutcome, LeaseToken, ListError, OnConflict, Page, PageToken,
    RegisterError, RenewError, SessionId, SessionImport, SessionListing, SessionRecord,
    SessionRegistry, SessionStore, StoreError, StoreErrorKind, Timestamp,
};

/// A wrapper that makes a store fail, hang and recover on demand, and counts
/// its calls.
///
/// It lists, registers and imports if the store does. Clones are the same store:
/// give one to the resolver and keep another.
///
/// ```
/// use dcv_resolver_core::testing::{FaultyStore, session};
/// use dcv_resolver_core::*;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = FaultyStore::new(MemoryStore::new());
/// let (token, now) = (LeaseToken::from_bytes([7; 16]), SystemClock.now());
///
/// // The record is stored, but its owner does not learn of it.
/// store.lose_results(StoreErrorKind::TimedOut);
/// assert!(store.register(&session("console"), &token, now).await.is_err());
/// store.recover();
/// store.register(&session("console"), &token, now).await?;
/// assert_eq!(store.calls().register, 2);
/// # Ok(())
/// # }
/// ```
pub struct FaultyStore<S> {
    store: Arc<S>,
    delay: Option<Arc<Delay>>,
    shared: Arc<Shared>,
}

type Delay = dyn Fn() -> BoxFuture<'static, ()> + Send + Sync;

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    wakers: Wakers,
}

#[derive(Default)]
struct State {
    fault: Option<Fault>,
    calls: Calls,
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    Fail(StoreErrorKind),
    LoseResults(StoreErrorKind),
    Hang,
}

/// How often each method of a [`FaultyStore`] was called, whether it failed or
/// not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each field is named after its method")]
pub struct Calls {
    pub lookup: u64,
    pub ping: u64,
    pub list: u64,
    pub register: u64,
    pub renew: u64,
    pub deregister: u64,
    pub sweep: u64,
    pub check_writable: u64,
    pub import: u64,
}

impl<S> FaultyStore<S> {
    /// Wraps `store`, which works until a fault is set.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self {
            store: Arc::new(store),
            delay: None,
            shared: Arc::default(),
        }
    }

    /// Awaits the future that `delay` returns at the beginning of each call.
    ///
    /// This crate has no timer, so pass one: a runtime's `sleep`, preferably
    /// with a paused clock.
    ///
    /// ```
    /// use std::time::Duration;
    /// use dcv_resolver_core::{MemoryStore, SessionStore, testing::FaultyStore};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = FaultyStore::new(MemoryStore::new());
    /// let store = store.delayed(|| tokio::time::sleep(Duration::from_secs(5)));
    /// let started = tokio::time::Instant::now();
    /// assert_eq!(store.lookup(&"console".parse()?).await?, None);
    /// assert_eq!(started.elapsed(), Duration::from_secs(5));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn delayed<F>(mut self, delay: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.delay = Some(Arc::new(move || Box::pin(delay())));
        self
    }

    /// Makes every call fail with an error of this kind, without calling the
    /// store, as when it cannot be reached.
    pub fn fail_with(&self, kind: StoreErrorKind) {
        self.set(Some(Fault::Fail(kind)));
    }

    /// Makes every call fail with an error of this kind after the store has
    /// carried it out, as when the reply is lost on the way.
    pub fn lose_results(&self, kind: StoreErrorKind) {
        self.set(Some(Fault::LoseResults(kind)));
    }

    /// Makes every call wait until another fault is set, or the store recovers.
    pub fn hang(&self) {
        self.set(Some(Fault::Hang));
    }

    /// Ends the fault. Calls that hang continue.
    pub fn recover(&self) {
        self.set(None);
    }

    /// Returns how often each method was called.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.lock().calls
    }

    /// Returns the wrapped store, so that a test can change it regardless of
    /// the fault.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.store
    }

    fn set(&self, fault: Option<Fault>) {
        self.lock().fault = fault;
        self.shared.wakers.wake_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let state = &self.shared.state;
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call, and carries it out as the fault demands.
    async fn call<T, E>(
        &self,
        count: fn(&mut Calls) -> &mut u64,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E>
    where
        S: Send + Sync,
        T: Send,
        E: From<StoreError> + Send,
    {
        *count(&mut self.lock().calls) += 1;
        if let Some(delay) = &self.delay {
            delay().await;
        }
        let ended = || match self.lock().fault {
            Some(Fault::Hang) => None,
            fault => Some(fault),
        };
        let kind = match self.shared.wakers.until(ended).await {
            None | Some(Fault::Hang) => return call.await,
            Some(Fault::LoseResults(kind)) => {
                // The result is what is lost.
                let _ = call.await;
                kind
            }
            Some(Fault::Fail(kind)) => kind,
        };
        Err(StoreError::new("faulty", kind).into())
    }
}

impl<S> Clone for FaultyStore<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            delay: self.delay.clone(),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for FaultyStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("FaultyStore")
            .field("store", &self.store)
            .field("fault", &state.fault)
            .field("calls", &state.calls)
            .finish_non_exhaustive()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: SessionStore> SessionStore for FaultyStore<S> {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.call(|calls| &mut calls.lookup, self.store.lookup(id))
            .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.call(|calls| &mut calls.ping, self.store.ping()).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: SessionListing> SessionListing for FaultyStore<S> {
    async fn list(&self, page: Option<&PageToken>, limit: NonZeroUsize) -> Result<Page, ListError> {
        self.call(|calls| &mut calls.list, self.store.list(page, limit))
            .await
    }

    fn generated_by(&self, id: &SessionId) -> Option<String> {
        self.store.generated_by(id)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: SessionRegistry> SessionRegistry for FaultyStore<S> {
    async fn register(
        &self,
        record: &SessionRecord,
        token: &LeaseToken,
        now: Timestamp,
    ) -> Result<(), RegisterError> {
        let call = self.store.register(record, token, now);
        self.call(|calls| &mut calls.register, call).await
    }

    async fn renew(
        &self,
        id: &SessionId,
        token: &LeaseToken,
        expiry: Expiry,
        now: Timestamp,
    ) -> Result<(), RenewError> {
        let call = self.store.renew(id, token, expiry, now);
        self.call(|calls| &mut calls.renew, call).await
    }

    async fn deregister(&self, id: &SessionId, token: &LeaseToken) -> Result<bool, StoreError> {
        let call = self.store.deregister(id, token);
        self.call(|calls| &mut calls.deregister, call).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.call(|calls| &mut calls.sweep, self.store.sweep(now))
            .await
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        let call = self.store.check_writable();
        self.call(|calls| &mut calls.check_writable, call).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: SessionImport> SessionImport for FaultyStore<S> {
    async fn import(
        &self,
        records: &[SessionRecord],
        token: &LeaseToken,
        on_conflict: OnConflict,
        now: Timestamp,
    ) -> Result<Vec<ImportOutcome>, StoreError> {
        let call = self.store.import(records, token, on_conflict, now);
        self.call(|calls| &mut calls.import, call).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;
    use crate::testing::{request, session};

    #[tokio::test]
    async fn hanging_call_goes_on_when_the_store_recovers() {
        let store = FaultyStore::new(MemoryStore::from_iter([session("console")]));
        store.hang();
        let asked = store.clone();
        let lookup = tokio::spawn(async move {
            let request = request("console");
            asked.lookup(request.session_id()).await
        });
        while store.calls().lookup == 0 {
            tokio::task::yield_now().await;
        }
        assert!(!lookup.is_finished());
        store.recover();
        assert_eq!(lookup.await.unwrap().unwrap(), Some(session("console")));
    }
}
