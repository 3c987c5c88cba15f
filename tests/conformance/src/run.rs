//! Runs a rule.

use std::time::Duration;

use tokio::runtime::Builder;

use crate::Fixture;

/// Far more than any rule needs, so that a store that hangs fails by name.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs `rule` with a new fixture, on its own runtime with several threads.
///
/// # Panics
/// Panics if the rule is broken, or has not finished after two minutes.
pub(crate) fn run<F, R>(rule: impl FnOnce(F) -> R)
where
    F: Fixture,
    R: Future<Output = ()>,
{
    run_within(LIMIT, async { rule(F::new().await).await });
}

fn run_within(limit: Duration, rule: impl Future<Output = ()>) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap();
    let ended = runtime.block_on(async { tokio::time::timeout(limit, rule).await });
    if ended.is_err() {
        // Does not wait for a thread that the store has blocked.
        runtime.shutdown_background();
        panic!("the rule has not finished after {limit:?}: a call to the store hangs");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "the rule has not finished after 10ms")]
    fn store_that_blocks_a_thread_fails_at_the_limit() {
        let (_held, never) = std::sync::mpsc::channel::<()>();
        run_within(Duration::from_millis(10), async {
            let blocked = tokio::task::spawn_blocking(move || never.recv());
            blocked.await.unwrap().unwrap();
        });
    }
}
