//! What the measurements share: the sessions, and the way to them.

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a measurement stops at the first surprise"
)]

pub mod logging;
pub mod sessions;

use futures_util::FutureExt;

/// What `future` comes to, which never waits.
pub fn ready<F: Future>(future: F) -> F::Output {
    future.now_or_never().unwrap()
}
