//! Waits for what a store does in the background.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Fixture;

/// Calls `ready` until it returns a value.
///
/// # Panics
/// Panics with `failure` if it has not within the fixture's
/// [timeout](Fixture::timeout).
pub(crate) async fn until<T, R>(
    fixture: &impl Fixture,
    failure: &str,
    mut ready: impl FnMut() -> R,
) -> T
where
    R: Future<Output = Option<T>>,
{
    let patience = fixture.timeout();
    let deadline = Instant::now() + patience;
    loop {
        if let Some(value) = ready().await {
            return value;
        }
        assert!(Instant::now() < deadline, "{failure} within {patience:?}");
        // Nothing reports that a store has noticed an outage.
        sleep(Duration::from_millis(5)).await;
    }
}
