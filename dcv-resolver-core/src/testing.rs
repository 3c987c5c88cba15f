//! What a unit test of resolver logic needs: a clock that is set by hand, and
//! stores that fail, hang or are slow on command. No network and no sleep.

mod clock;
mod delayed;
mod scripted;

pub use clock::ManualClock;
pub use delayed::DelayedStore;
pub use scripted::{Reply, ScriptedStore};
