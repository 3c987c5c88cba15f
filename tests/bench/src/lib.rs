//! What the measurements share: the sessions, and the way to them.

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a measurement panics on the first failure"
)]

pub mod logging;
pub mod sessions;

use futures_util::FutureExt;

/// What `future` comes to, which never waits.
pub fn ready<F: Future>(future: F) -> F::Output {
    future.now_or_never().unwrap()
}
