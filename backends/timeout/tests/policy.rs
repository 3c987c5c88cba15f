//! What happens to a check within the limit, and at the limit.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{
    BuildResolverError, Denial, Expiry, MemoryStore, Policy, PolicyError, PolicyErrorKind,
    ResolveRequest, Resolver, SessionRecord, Transport, Verdict, async_trait,
};
use dcv_resolver_timeout::TimeoutPolicy;
use tokio::time::{Instant, sleep};

const LIMIT: Duration = Duration::from_millis(300);

/// Returns `result` after `delay`. Its `Arc` counts the checks in progress.
#[derive(Debug)]
struct Delayed {
    delay: Duration,
    result: Result<Verdict, PolicyError>,
    in_progress: Arc<()>,
}

impl Delayed {
    fn new(delay: Duration, result: Result<Verdict, PolicyError>) -> Self {
        Self {
            delay,
            result,
            in_progress: Arc::new(()),
        }
    }
}

#[async_trait]
impl Policy for Delayed {
    fn name(&self) -> &str {
        "delayed"
    }

    async fn check(&self, _: &ResolveRequest, _: &SessionRecord) -> Result<Verdict, PolicyError> {
        let _in_progress = Arc::clone(&self.in_progress);
        sleep(self.delay).await;
        self.result.clone()
    }
}

async fn check(policy: &impl Policy) -> Result<Verdict, PolicyError> {
    let id: dcv_resolver_core::SessionId = "console".parse().unwrap();
    let record = SessionRecord::builder(id.clone(), "192.0.2.1".parse().unwrap(), Expiry::Never)
        .http_port(8443)
        .build()
        .unwrap();
    policy
        .check(&ResolveRequest::new(id, Transport::Http), &record)
        .await
}

#[tokio::test(start_paused = true)]
async fn result_within_the_limit_is_passed_on() {
    let in_time = LIMIT - Duration::from_millis(2);
    for verdict in [Verdict::Allow, Verdict::Deny(Denial::new("not today"))] {
        let policy = TimeoutPolicy::new(Delayed::new(in_time, Ok(verdict.clone())), LIMIT);
        assert_eq!(policy.name(), "delayed");
        assert_eq!(check(&policy).await.unwrap(), verdict);
    }
    let error = PolicyError::new(PolicyErrorKind::Unavailable);
    let policy = TimeoutPolicy::new(Delayed::new(in_time, Err(error)), LIMIT);
    let error = check(&policy).await.unwrap_err();
    assert_eq!(error.kind(), PolicyErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn check_beyond_the_limit_times_out_at_the_limit_and_is_dropped() {
    let delayed = Delayed::new(LIMIT * 2, Ok(Verdict::Allow));
    let in_progress = Arc::clone(&delayed.in_progress);
    let policy = TimeoutPolicy::new(delayed, LIMIT);

    let started = Instant::now();
    let error = check(&policy).await.unwrap_err();
    let elapsed = started.elapsed();
    assert_eq!(error.kind(), PolicyErrorKind::TimedOut);
    assert!(error.is_retryable());
    let chain = error.chain().to_string();
    assert!(chain.ends_with("gave up after 300ms"), "{chain}");
    // Tokio's timer counts whole milliseconds.
    assert!(elapsed >= LIMIT && elapsed <= LIMIT + Duration::from_millis(1));
    // One here and one in the policy.
    assert_eq!(Arc::strong_count(&in_progress), 2);
}

#[test]
fn two_policies_of_one_name_are_refused_with_and_without_a_limit() {
    let delayed = || Delayed::new(LIMIT, Ok(Verdict::Allow));
    let built = Resolver::builder()
        .store("agents", MemoryStore::new())
        .policy(delayed())
        .policy(TimeoutPolicy::new(delayed(), LIMIT))
        .build();
    let name = "delayed".into();
    assert_eq!(
        built.unwrap_err(),
        BuildResolverError::DuplicatePolicy { name }
    );
}
