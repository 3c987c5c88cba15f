//! [`Flights`]: the calls to the store that are under way, by id.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dcv_resolver_core::SessionId;

use crate::flight::Flight;

/// The calls that may fill the cache, and that others may join.
///
/// An invalidation takes the calls of its id out, so that what they bring is
/// answered to those who asked before it, and goes nowhere else. What is kept
/// changes under the same lock: a call either fills the cache before an
/// invalidation, which then removes what it brought, or not at all.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    by_id: Mutex<ById>,
}

/// The calls for one id in the order in which they began; seldom more than one.
type ById = HashMap<SessionId, Vec<InAir>>;

#[derive(Debug)]
struct InAir {
    flight: Arc<Flight>,
    askers: usize,
}

impl Flights {
    /// The last call for `id`, if it began at `not_before_ns` or later. If
    /// not, the one that `begin` begins; the second value tells which.
    pub(crate) fn join(
        &self,
        id: &SessionId,
        not_before_ns: u64,
        begin: impl FnOnce() -> Flight,
    ) -> (Arc<Flight>, bool) {
        let mut by_id = self.lock();
        if let Some(last) = by_id.get_mut(id).and_then(|flights| flights.last_mut())
            && last.flight.began_ns() >= not_before_ns
        {
            last.askers += 1;
            return (Arc::clone(&last.flight), true);
        }
        let flight = Arc::new(begin());
        by_id.entry(id.clone()).or_default().push(InAir {
            flight: Arc::clone(&flight),
            askers: 1,
        });
        (flight, false)
    }

    /// One who asked is gone. After the last, nobody drives the call on, so
    /// nobody may join it.
    pub(crate) fn leave(&self, flight: &Arc<Flight>) {
        let mut by_id = self.lock();
        let Some((flights, index)) = find(&mut by_id, flight) else {
            return;
        };
        flights[index].askers -= 1;
        if flights[index].askers == 0 {
            remove(&mut by_id, flight);
        }
    }

    /// The call failed: those that began earlier may yet succeed.
    pub(crate) fn fail(&self, flight: &Arc<Flight>) {
        remove(&mut self.lock(), flight);
    }

    /// The call succeeded: `keep` keeps what it brought, unless something has
    /// made that void. Calls that began earlier know nothing newer.
    pub(crate) fn land(&self, flight: &Arc<Flight>, keep: impl FnOnce()) {
        let mut by_id = self.lock();
        let Some((flights, index)) = find(&mut by_id, flight) else {
            return;
        };
        let earlier: Vec<_> = flights.drain(..=index).collect();
        if flights.is_empty() {
            by_id.remove(flight.id());
        }
        keep();
        drop(by_id);
        drop(earlier);
    }

    /// From here on nothing that was asked before is kept, of this id.
    pub(crate) fn void(&self, id: &SessionId, forget: impl FnOnce()) {
        let mut by_id = self.lock();
        let flights = by_id.remove(id);
        forget();
        drop(by_id);
        drop(flights);
    }

    /// The same, of any id.
    pub(crate) fn void_all(&self, forget: impl FnOnce()) {
        let mut by_id = self.lock();
        let flights = mem::take(&mut *by_id);
        forget();
        drop(by_id);
        drop(flights);
    }

    fn lock(&self) -> MutexGuard<'_, ById> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `None` when the call has been voided, or has ended.
fn find<'a>(by_id: &'a mut ById, flight: &Arc<Flight>) -> Option<(&'a mut Vec<InAir>, usize)> {
    let flights = by_id.get_mut(flight.id())?;
    let index = flights
        .iter()
        .position(|in_air| Arc::ptr_eq(&in_air.flight, flight))?;
    Some((flights, index))
}

fn remove(by_id: &mut ById, flight: &Arc<Flight>) {
    if let Some((flights, index)) = find(by_id, flight) {
        // The caller has the flight too, so this drops no call.
        flights.remove(index);
        if flights.is_empty() {
            by_id.remove(flight.id());
        }
    }
}
