//! How a rule is run.

use std::time::Duration;

use tokio::runtime::Builder;

use crate::Fixture;

/// Far beyond what any rule needs: a store that hangs fails by name.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs `rule` with a new fixture, on a runtime of its own with several
/// threads.
///
/// # Panics
///
/// When the rule is broken, or has not ended after two minutes.
pub fn run<F, R>(rule: impl FnOnce(F) -> R)
where
    F: Fixture,
    R: Future<Output = ()>,
{
    let runtime = Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        tokio::time::timeout(LIMIT, async { rule(F::new().await).await })
            .await
            .expect("the rule has not ended in time: a call to the store hangs");
    });
}
