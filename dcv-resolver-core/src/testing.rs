//! Helpers for unit tests of resolver logic: a clock that the test sets, and
//! stores that fail, hang, panic or are slow on demand. No network and no sleep.

mod clock;
mod delayed;
mod scripted;

pub use clock::ManualClock;
pub use delayed::DelayedStore;
pub use scripted::{Reply, ScriptedStore};
