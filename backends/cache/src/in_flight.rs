//! [`InFlight`]: the loads that are under way, by id.

use std::collections::HashMap;
use std::fmt;
use std::mem;
use std::sync::{Arc, PoisonError};

use dcv_resolver_core::SessionId;

use crate::load::Load;
use crate::sync::{Mutex, MutexGuard};

/// The loads whose results may be cached, and that other lookups may join.
///
/// An invalidation removes the loads of its id, so that their results reach
/// only the lookups that began before it, and are not cached. Entries change
/// under the same lock: a load either completes before an invalidation, which
/// then removes its entry, or caches nothing.
#[derive(Default)]
pub(crate) struct InFlight {
    by_id: Mutex<ById>,
}

/// The loads of one id in the order in which they began, rarely more than one.
type ById = HashMap<SessionId, Vec<InFlightCall>>;

struct InFlightCall {
    load: Arc<Load>,
    waiters: usize,
}

/// Whether a lookup began a load or waits for one of another lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joined {
    Began,
    Coalesced,
}

impl InFlight {
    /// Joins the last load for `id` if it began at `not_before_ns` or later,
    /// and begins one otherwise.
    pub(crate) fn join(
        &self,
        id: &SessionId,
        not_before_ns: u64,
        begin: impl FnOnce() -> Load,
    ) -> (Arc<Load>, Joined) {
        let mut by_id = self.lock();
        if let Some(last) = by_id.get_mut(id).and_then(|calls| calls.last_mut())
            && last.load.began_ns() >= not_before_ns
        {
            last.waiters += 1;
            return (Arc::clone(&last.load), Joined::Coalesced);
        }
        let load = Arc::new(begin());
        by_id.entry(id.clone()).or_default().push(InFlightCall {
            load: Arc::clone(&load),
            waiters: 1,
        });
        (load, Joined::Began)
    }

    /// Removes one waiter. A load without waiters is polled by no task, so no
    /// lookup may join it.
    pub(crate) fn leave(&self, load: &Arc<Load>) {
        let mut by_id = self.lock();
        let Some((calls, index)) = find(&mut by_id, load) else {
            return;
        };
        calls[index].waiters -= 1;
        if calls[index].waiters == 0 {
            remove(&mut by_id, load);
        }
    }

    /// Ends a load that failed. Loads that began earlier may still succeed.
    pub(crate) fn fail(&self, load: &Arc<Load>) {
        remove(&mut self.lock(), load);
    }

    /// Ends a load that succeeded, and calls `store` unless it was invalidated.
    /// Loads that began earlier end too, since their results are older.
    pub(crate) fn complete(&self, load: &Arc<Load>, store: impl FnOnce()) {
        let mut by_id = self.lock();
        let Some((calls, index)) = find(&mut by_id, load) else {
            return;
        };
        let earlier: Vec<_> = calls.drain(..=index).collect();
        if calls.is_empty() {
            by_id.remove(load.id());
        }
        store();
        drop(by_id);
        // Dropping a call runs the store's code: not under the lock.
        drop(earlier);
    }

    /// Ends all loads of `id`, and calls `discard`, in one step.
    pub(crate) fn invalidate(&self, id: &SessionId, discard: impl FnOnce()) {
        let mut by_id = self.lock();
        let calls = by_id.remove(id);
        discard();
        drop(by_id);
        drop(calls);
    }

    /// Ends all loads, and calls `discard`, in one step.
    pub(crate) fn invalidate_all(&self, discard: impl FnOnce()) {
        let mut by_id = self.lock();
        let calls = mem::take(&mut *by_id);
        discard();
        drop(by_id);
        drop(calls);
    }

    fn lock(&self) -> MutexGuard<'_, ById> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight")
            .field("ids", &self.lock().len())
            .finish()
    }
}

/// `None` when the load was invalidated, or has ended.
fn find<'a>(by_id: &'a mut ById, load: &Arc<Load>) -> Option<(&'a mut Vec<InFlightCall>, usize)> {
    let calls = by_id.get_mut(load.id())?;
    let index = calls
        .iter()
        .position(|call| Arc::ptr_eq(&call.load, load))?;
    Some((calls, index))
}

fn remove(by_id: &mut ById, load: &Arc<Load>) {
    if let Some((calls, index)) = find(by_id, load) {
        // The caller holds the load too, so this drops no call.
        calls.remove(index);
        if calls.is_empty() {
            by_id.remove(load.id());
        }
    }
}
