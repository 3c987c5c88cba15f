//! [`Policy`]: a rule of your own, the last before a destination is given.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{ResolveRequest, SessionRecord, StoreError};

/// Decides whether a client may reach a session.
///
/// A [`Resolver`](crate::Resolver) asks it last, of sessions that are live,
/// ready and offer the transport. An [`Explainer`](crate::Explainer) asks it of
/// others as well, so that all that is in the way is told at once: a policy that
/// wants to know whether a session is ready looks at the record.
///
/// [`ClientNetworks`](crate::ClientNetworks) is a policy that comes with this
/// crate. One of your own:
///
/// ```
/// use dcv_resolver_core::{
///     Denial, Policy, ResolveRequest, SessionRecord, StoreError, Verdict, async_trait,
/// };
///
/// #[derive(Debug)]
/// struct Maintenance;
///
/// #[async_trait]
/// impl Policy for Maintenance {
///     fn name(&self) -> &str {
///         "maintenance"
///     }
///
///     async fn judge(&self, _: &ResolveRequest, record: &SessionRecord) -> Result<Verdict, StoreError> {
///         Ok(if record.labels().contains_key("maintenance") {
///             Verdict::Deny(Denial::new("the session's server is being maintained"))
///         } else {
///             Verdict::Allow
///         })
///     }
/// }
/// ```
///
/// # Contract
///
/// 1. **A denial is a decision, an outage is not.** Whenever the policy cannot
///    tell, the answer is `Err`: never a verdict, never a guess.
/// 2. **Judging changes nothing.** One login asks several times, for each
///    transport and from any number of gateways, and must get one answer.
/// 3. **A dropped future leaves no trace.** Callers give up when the time budget
///    of the request ends, which holds for the stores and the policies together.
#[async_trait]
pub trait Policy: fmt::Debug + Send + Sync + 'static {
    /// The policy's name for logs and explanations, such as `client_networks`.
    fn name(&self) -> &str;

    /// Whether the client of `request` may reach the session of `record`.
    ///
    /// # Errors
    ///
    /// [`StoreError`], with the policy as its backend, when what the policy
    /// asks could not be answered. The gateway is told of an outage then, not
    /// of a denial.
    async fn judge(
        &self,
        request: &ResolveRequest,
        record: &SessionRecord,
    ) -> Result<Verdict, StoreError>;
}

/// What a [`Policy`] decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As far as this policy goes, the client may reach the session.
    Allow,
    /// The client must not reach the session.
    Deny(Denial),
}

/// Why a [`Policy`] denies a session, as a sentence.
///
/// It goes to the log and into the answer to the gateway, so it names no host,
/// no other session and nobody but the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial(Cow<'static, str>);

impl Denial {
    /// A denial for this reason: a sentence in lower case, without a full stop.
    #[must_use]
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: Policy + ?Sized> Policy for Arc<T> {
    fn name(&self) -> &str {
        (**self).name()
    }

    async fn judge(
        &self,
        request: &ResolveRequest,
        record: &SessionRecord,
    ) -> Result<Verdict, StoreError> {
        (**self).judge(request, record).await
    }
}
