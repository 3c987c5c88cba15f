//! [`TimeoutPolicy`]: a policy with a time limit.

use std::time::Duration;

use dcv_resolver_core::{
    Policy, PolicyError, PolicyErrorKind, ResolveRequest, SessionRecord, Verdict, async_trait,
};

/// A policy with a time limit for each decision.
///
/// At the limit the check fails with
/// [`TimedOut`](dcv_resolver_core::PolicyErrorKind::TimedOut), and the future
/// of the inner policy is dropped. Otherwise the wrapper returns the inner
/// policy's result. It has the name of the inner policy.
///
/// The wrapper needs a tokio runtime with its timer enabled, and cannot
/// interrupt a policy that blocks its thread.
#[derive(Debug, Clone)]
pub struct TimeoutPolicy<P> {
    policy: P,
    limit: Duration,
}

impl<P: Policy> TimeoutPolicy<P> {
    /// Creates a policy that limits each check of `policy` to `limit`.
    #[must_use]
    pub fn new(policy: P, limit: Duration) -> Self {
        Self { policy, limit }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<P: Policy> Policy for TimeoutPolicy<P> {
    fn name(&self) -> &str {
        self.policy.name()
    }

    async fn check(
        &self,
        request: &ResolveRequest,
        record: &SessionRecord,
    ) -> Result<Verdict, PolicyError> {
        tokio::time::timeout(self.limit, self.policy.check(request, record))
            .await
            .unwrap_or_else(|_elapsed| {
                let reason = format!("gave up after {:?}", self.limit);
                Err(PolicyError::new(PolicyErrorKind::TimedOut).with_source(reason))
            })
    }
}
