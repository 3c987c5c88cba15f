//! What the measurements share: the sessions, and the way to them.

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a measurement stops at the first surprise"
)]

pub mod logging;
pub mod sessions;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// What `future` comes to, which never waits.
pub fn ready<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing here waits"),
    }
}
