//! Runs a rule.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::Fixture;

/// Far more than any rule needs, so that a store that hangs fails by name.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs `rule` with a new fixture, on its own runtime with several threads, and
/// closes the fixture whether or not the rule is broken.
///
/// # Panics
/// Panics if the fixture cannot be set up, or the rule is broken or has not
/// finished after two minutes.
pub(crate) fn run<F: Fixture>(rule: impl AsyncFnOnce(&F)) {
    run_within(LIMIT, rule);
}

fn run_within<F: Fixture>(limit: Duration, rule: impl AsyncFnOnce(&F)) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap();
    let fixture = match block_on(&runtime, limit, F::new()) {
        Ok(fixture) => fixture,
        Err(End::Panic(panic)) => panic!(
            "the fixture cannot be set up, so the rule was not checked: {}",
            message(&*panic)
        ),
        Err(End::Limit) => end(
            runtime,
            &format!("the fixture was not set up after {limit:?}: `Fixture::new` hangs"),
        ),
    };
    let checked = block_on(&runtime, limit, rule(&fixture));
    let closed = block_on(&runtime, limit, fixture.close());
    match (checked, closed) {
        (Err(End::Panic(panic)), _) => resume_unwind(panic),
        (Err(End::Limit), _) => end(
            runtime,
            &format!("the rule has not finished after {limit:?}: a call to the store hangs"),
        ),
        (Ok(()), Err(End::Panic(panic))) => {
            panic!("the fixture cannot be closed: {}", message(&*panic))
        }
        (Ok(()), Err(End::Limit)) => end(
            runtime,
            &format!("the fixture was not closed after {limit:?}: `Fixture::close` hangs"),
        ),
        (Ok(()), Ok(())) => {}
    }
}

/// Why a future has no output.
enum End {
    Panic(Box<dyn Any + Send>),
    Limit,
}

fn block_on<T>(
    runtime: &Runtime,
    limit: Duration,
    future: impl Future<Output = T>,
) -> Result<T, End> {
    let within = async { timeout(limit, future).await };
    catch_unwind(AssertUnwindSafe(|| runtime.block_on(within)))
        .map_err(End::Panic)?
        .map_err(|_elapsed| End::Limit)
}

fn end(runtime: Runtime, message: &str) -> ! {
    // Does not wait for a thread that the store has blocked.
    runtime.shutdown_background();
    panic!("{message}");
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use dcv_resolver_core::{MemoryStore, SessionRecord};

    use super::*;

    static CLOSED: AtomicUsize = AtomicUsize::new(0);

    struct Counted;

    impl Fixture for Counted {
        type Store = MemoryStore;

        async fn new() -> Self {
            Self
        }

        async fn seed(&self, _: &[SessionRecord]) {}

        async fn open(&self) -> MemoryStore {
            MemoryStore::new()
        }

        async fn close(self) {
            tokio::task::yield_now().await;
            CLOSED.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn fixture_is_closed_whether_or_not_the_rule_is_broken() {
        run::<Counted>(async |_| {});
        assert_eq!(CLOSED.load(Ordering::SeqCst), 1);
        let broken = catch_unwind(|| run::<Counted>(async |_| panic!("broken")));
        assert_eq!(message(&*broken.unwrap_err()), "broken");
        assert_eq!(CLOSED.load(Ordering::SeqCst), 2);
    }

    struct Blocked;

    impl Fixture for Blocked {
        type Store = MemoryStore;

        async fn new() -> Self {
            Self
        }

        async fn seed(&self, _: &[SessionRecord]) {}

        async fn open(&self) -> MemoryStore {
            MemoryStore::new()
        }
    }

    #[test]
    #[should_panic(expected = "the rule has not finished after 10ms")]
    fn store_that_blocks_a_thread_fails_at_the_limit() {
        let (_held, never) = std::sync::mpsc::channel::<()>();
        run_within::<Blocked>(Duration::from_millis(10), async |_| {
            let blocked = tokio::task::spawn_blocking(move || never.recv());
            blocked.await.unwrap().unwrap();
        });
    }
}
