use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use super::script::Script;
use crate::{Denial, Policy, PolicyError, PolicyErrorKind, ResolveRequest, SessionRecord, Verdict};

/// What a [`ScriptedPolicy`] does when it is checked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum PolicyReply {
    /// Let the client reach the session.
    Allow,
    /// Deny the session.
    Deny(Denial),
    /// Fail with an error of this kind.
    Fail(PolicyErrorKind),
    /// Never decide.
    Hang,
    /// Panic, as a policy with a bug would.
    Panic,
}

/// A policy that follows a script: one [`PolicyReply`] for each check, and the
/// last one forever. Clones share the script and the count of checks.
///
/// ```
/// use dcv_resolver_core::testing::{PolicyReply, ScriptedPolicy, request, session};
/// use dcv_resolver_core::{Denial, MemoryStore, Resolver};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let deny = PolicyReply::Deny(Denial::new("the office is closed"));
/// let policy = ScriptedPolicy::always("office_hours", deny);
/// let store = MemoryStore::from_iter([session("console")]);
/// let resolver = Resolver::builder().store("agents", store).policy(policy.clone()).build()?;
///
/// let outcome = resolver.resolve(&request("console")).await?;
/// assert_eq!(outcome.reason(), Some("denied"));
/// assert_eq!(policy.checks(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ScriptedPolicy {
    name: Arc<str>,
    script: Arc<Script<PolicyReply>>,
    checks: Arc<AtomicU64>,
}

impl ScriptedPolicy {
    /// Creates a policy of this name that always replies with `reply`.
    #[must_use]
    pub fn always(name: impl Into<Arc<str>>, reply: PolicyReply) -> Self {
        Self::sequence(name, [], reply)
    }

    /// Creates a policy of this name that replies with `first`, one for each
    /// check, and then always with `then`.
    #[must_use]
    pub fn sequence(
        name: impl Into<Arc<str>>,
        first: impl IntoIterator<Item = PolicyReply>,
        then: PolicyReply,
    ) -> Self {
        Self {
            name: name.into(),
            script: Arc::new(Script::new(first, then)),
            checks: Arc::default(),
        }
    }

    /// Returns how often the policy was checked.
    #[must_use]
    pub fn checks(&self) -> u64 {
        self.checks.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for ScriptedPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedPolicy")
            .field("name", &self.name)
            .field("replies_left", &self.script.left())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Policy for ScriptedPolicy {
    fn name(&self) -> &str {
        &self.name
    }

    #[expect(clippy::panic, reason = "the script says so")]
    async fn check(&self, _: &ResolveRequest, _: &SessionRecord) -> Result<Verdict, PolicyError> {
        self.checks.fetch_add(1, Ordering::SeqCst);
        match self.script.next() {
            PolicyReply::Allow => Ok(Verdict::Allow),
            PolicyReply::Deny(denial) => Ok(Verdict::Deny(denial)),
            PolicyReply::Fail(kind) => Err(PolicyError::new(kind)),
            PolicyReply::Hang => std::future::pending().await,
            PolicyReply::Panic => panic!("the script says so"),
        }
    }
}
