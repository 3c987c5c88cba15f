//! [`Authorize`]: who may use the operators' endpoints and the admin API.

use std::fmt;

use dcv_resolver_core::async_trait;

use crate::access::AccessRequest;
use crate::auth_error::AuthError;
use crate::principal::Principal;

/// An authorizer of requests for what gateways do not need: the explanations
/// and the page data of `dcv-resolver-ops`, and the sessions of
/// `dcv-resolver-admin`.
///
/// ```
/// use dcv_resolver_core::async_trait;
/// use dcv_resolver_authorize::{AccessRequest, AuthError, Authorize, Principal};
///
/// /// Trusts the user name that our proxy adds.
/// #[derive(Debug)]
/// struct BehindOurProxy;
///
/// #[async_trait]
/// impl Authorize for BehindOurProxy {
///     async fn authorize(&self, request: &AccessRequest<'_>) -> Result<Principal, AuthError> {
///         match request.headers.get("x-user").map(|user| user.to_str()) {
///             Some(Ok(user)) => Ok(Principal::new(user)),
///             _ => Err(AuthError::Forbidden("use the proxy".into())),
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait Authorize: fmt::Debug + Send + Sync + 'static {
    /// Returns who sent the request.
    ///
    /// # Errors
    ///
    /// Returns an [`AuthError`] if the caller may not do this.
    async fn authorize(&self, request: &AccessRequest<'_>) -> Result<Principal, AuthError>;
}
