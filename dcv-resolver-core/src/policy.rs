//! [`Policy`]: a rule of your own.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{PolicyError, ResolveRequest, SessionRecord};

/// A rule that decides whether a client may reach a session.
///
/// A [`Resolver`](crate::Resolver) checks its policies last, for sessions that
/// are live, are ready and offer the transport. An
/// [`Explainer`](crate::Explainer) checks them for any session, to show every
/// obstacle. A policy that depends on the session's state therefore checks the
/// record.
///
/// [`ClientNetworks`](crate::ClientNetworks) is a policy that comes with this
/// crate. A policy of your own:
///
/// ```
/// use dcv_resolver_core::{
///     Denial, Policy, PolicyError, ResolveRequest, SessionRecord, Verdict, async_trait,
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
///     async fn check(&self, _: &ResolveRequest, record: &SessionRecord) -> Result<Verdict, PolicyError> {
///         Ok(if record.labels().contains_key("maintenance") {
///             Verdict::Deny(Denial::new("the session's server is being maintained"))
///         } else {
///             Verdict::Allow
///         })
///     }
/// }
/// ```
///
/// Without `#[async_trait]` on the `impl` block, the compiler reports [lifetimes
/// that do not match](crate::store#compiler-errors).
///
/// # Contract
///
/// - **P1. An outage is not a denial.** Whenever the policy cannot decide, it
///   returns `Err`: never a verdict, never a guess.
/// - **P2. Checking changes nothing.** One login causes several checks, for
///   each transport and from any number of gateways, and all of them must
///   return the same verdict.
/// - **P3. A dropped future leaves no trace.** Callers drop it at any await
///   point when the time budget of the request ends. Stores and policies share
///   that budget.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a policy",
    note = "implement `Policy` for it, with `#[async_trait]` on the `impl` block",
    note = "pass the policy itself or an `Arc` of it, not a reference"
)]
pub trait Policy: fmt::Debug + Send + Sync + 'static {
    /// Returns the policy's name for logs, metrics and explanations, such as
    /// `client_networks`. It is constant and contains no secret.
    fn name(&self) -> &str;

    /// Returns whether the client of `request` may reach the session of
    /// `record`.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] when the policy could not decide. The gateway then
    /// receives an error, not a denial.
    async fn check(
        &self,
        request: &ResolveRequest,
        record: &SessionRecord,
    ) -> Result<Verdict, PolicyError>;
}

/// The decision of a [`Policy`].
// Exhaustive: code that calls a policy must not ignore a verdict that it does not
// know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This policy lets the client reach the session.
    Allow,
    /// The client must not reach the session.
    Deny(Denial),
}

/// The reason why a [`Policy`] denies a session, as a sentence.
///
/// It is logged and sent to the gateway, so it must not name a host, another
/// session or any person except the client. The name of the policy is for
/// operators only:
/// see [`NotFound::Denied`](crate::NotFound::Denied).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial(Cow<'static, str>);

impl Denial {
    /// Creates a denial from a sentence in lower case, without a full stop.
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

    async fn check(
        &self,
        request: &ResolveRequest,
        record: &SessionRecord,
    ) -> Result<Verdict, PolicyError> {
        (**self).check(request, record).await
    }
}
