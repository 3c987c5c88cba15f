//! [`CachedStore`]: answers from memory, or asks the store once for everybody.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use dcv_resolver_core::{ChangeListener, SessionId, SessionStore, StoreError};

use crate::entries::Entry;
use crate::flight::{Answer, Flight};
use crate::shared::Shared;
use crate::{CacheConfig, CacheStats};

/// A [`SessionStore`] in front of another, `S`.
///
/// See the [crate's page](crate) for what it guarantees. Where `S` is listed,
/// registered in or imported into, so is this: calls go to `S`, and what they
/// change is forgotten here.
pub struct CachedStore<S> {
    pub(crate) store: Arc<S>,
    pub(crate) shared: Arc<Shared>,
}

impl<S: SessionStore> CachedStore<S> {
    /// Keeps what `store` answers.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a configuration is made to be used up"
    )]
    pub fn new(store: S, config: CacheConfig) -> Self {
        Self {
            store: Arc::new(store),
            shared: Arc::new(Shared::new(&config)),
        }
    }

    /// Where a driver tells of changes: the store itself, if it can, or a
    /// service that makes the changes.
    ///
    /// As long as it tells of single changes only, lifetimes hold as before.
    /// With its first `confirmed` or `lost` they make room for the bound that
    /// [`CacheConfig::max_staleness`] sets, and with `untold` they are back.
    #[must_use]
    pub fn listener(&self) -> Arc<dyn ChangeListener> {
        Arc::<Shared>::clone(&self.shared)
    }

    /// Figures for metrics.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        CacheStats(Arc::clone(&self.shared))
    }

    /// The store that is asked.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Joins a call for `id` that began at `not_before_ns` or later, or begins
    /// one.
    fn ask(&self, id: &SessionId, not_before_ns: u64) -> Seat<'_> {
        let shared = &*self.shared;
        let (flight, joined) = shared.flights.join(id, not_before_ns, || {
            let (store, asked) = (Arc::clone(&self.store), id.clone());
            let call = Box::pin(async move { store.lookup(&asked).await });
            Flight::new(id.clone(), shared.freshness.now_ns(), call)
        });
        if joined {
            shared.joins.add_one();
        } else {
            shared.calls.add_one();
        }
        Seat {
            shared,
            flight,
            number: None,
        }
    }
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Written out rather than with `#[async_trait]`: the future of a hit is small,
/// and its box the only allocation.
#[deny(clippy::missing_trait_methods)]
impl<S: SessionStore> SessionStore for CachedStore<S> {
    fn lookup<'a, 'b, 'c>(&'a self, id: &'b SessionId) -> BoxFuture<'c, Answer>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(Lookup {
            cached: self,
            id,
            asked_ns: None,
            seat: None,
        })
    }

    fn ping<'a, 'b>(&'a self) -> BoxFuture<'b, Result<(), StoreError>>
    where
        'a: 'b,
        Self: 'b,
    {
        self.store.ping()
    }
}

struct Lookup<'a, S> {
    cached: &'a CachedStore<S>,
    id: &'a SessionId,
    /// When nothing was found kept, if so.
    asked_ns: Option<u64>,
    seat: Option<Seat<'a>>,
}

/// One asker's place in a call.
struct Seat<'a> {
    shared: &'a Shared,
    flight: Arc<Flight>,
    /// `None` until it is first polled.
    number: Option<u64>,
}

/// A call that has been under way for longer is left to those who wait for it:
/// it may hang where a new one would not.
const JOINABLE_FOR_NS: u64 = 1_000_000_000;

impl<S: SessionStore> Future for Lookup<'_, S> {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let Self {
            cached,
            id,
            asked_ns,
            seat,
        } = self.get_mut();
        let shared = &cached.shared;
        loop {
            let waiting = match seat {
                Some(waiting) => waiting,
                None => match shared.kept(id) {
                    Ok(answer) => {
                        shared.hits.add_one();
                        return Poll::Ready(Ok(answer));
                    }
                    Err(now_ns) => {
                        asked_ns.get_or_insert(now_ns);
                        seat.insert(cached.ask(id, now_ns.saturating_sub(JOINABLE_FOR_NS)))
                    }
                },
            };
            match ready!(waiting.poll(context)) {
                // Too old for one who asked so late. Any other call began
                // after that, so this happens once.
                Ok(entry) if asked_ns.is_some_and(|at| !shared.freshness.suits(&entry, at)) => {
                    *seat = None;
                }
                Ok(entry) => return Poll::Ready(Ok(entry.answer)),
                Err(error) => {
                    return Poll::Ready(shared.stale(id, &error).map(Some).ok_or(error));
                }
            }
        }
    }
}

impl Seat<'_> {
    fn poll(&mut self, context: &Context<'_>) -> Poll<Result<Entry, StoreError>> {
        let (shared, flight) = (self.shared, &self.flight);
        flight.poll(&mut self.number, context, |answer| {
            shared.land(flight, answer)
        })
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.flight.forget(number);
        }
        self.shared.flights.leave(&self.flight);
    }
}

impl<S: fmt::Debug> fmt::Debug for CachedStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedStore")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
