//! [`OutageLog`]: logs an outage once when it begins, and once when it ends.

use std::sync::{Mutex, PoisonError};

use dcv_resolver_core::{StoreError, StoreErrorKind};

use crate::failure::Failure;
use crate::origin::Origin;

/// Logs the first failure of each kind in an outage, and its end.
#[derive(Debug)]
pub(crate) struct OutageLog(Mutex<State>);

#[derive(Debug)]
enum State {
    /// Nothing has been logged yet.
    New,
    Up,
    /// The kinds of failures that have been logged: servers that are asked at
    /// the same time fail for different reasons, over and over.
    Down(Vec<StoreErrorKind>),
}

impl OutageLog {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State::New))
    }

    /// Warns that `origin` cannot be used, unless it has been logged.
    pub(crate) fn failed(&self, origin: &Origin, failure: &Failure) {
        let is_first = self.change(|state| match state {
            State::New | State::Up => {
                *state = State::Down(vec![failure.kind()]);
                true
            }
            State::Down(kinds) if !kinds.contains(&failure.kind()) => {
                kinds.push(failure.kind());
                true
            }
            State::Down(_) => false,
        });
        let error = StoreError::from(failure.clone());
        let error = error.chain();
        if is_first {
            tracing::warn!(%error, "cannot use Redis at {origin}; retrying");
        } else {
            tracing::debug!(%error, "cannot use Redis at {origin}");
        }
    }

    /// Logs that `origin` has replied, at first and at the end of an outage.
    pub(crate) fn replied(&self, origin: &Origin) {
        let is_news = self.change(|state| {
            let is_news = !matches!(state, State::Up);
            *state = State::Up;
            is_news
        });
        if is_news {
            tracing::info!("connected to Redis at {origin}");
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        // Every change is one assignment, so what a panic leaves is consistent.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
