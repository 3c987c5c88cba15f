//! [`Script`]: one reply for each call, and the last one forever.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

pub(super) struct Script<R> {
    first: Mutex<VecDeque<R>>,
    then: R,
}

impl<R: Clone> Script<R> {
    pub(super) fn new(first: impl IntoIterator<Item = R>, then: R) -> Self {
        Self {
            first: Mutex::new(first.into_iter().collect()),
            then,
        }
    }

    pub(super) fn next(&self) -> R {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.pop_front().unwrap_or_else(|| self.then.clone())
    }

    /// Returns how many replies come before the last one.
    pub(super) fn left(&self) -> usize {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.len()
    }
}
