//! [`LocalOnly`]: allows operators on the same machine.

use dcv_resolver_authorize::{AccessRequest, AuthError, Authorize, Principal};
use dcv_resolver_core::async_trait;
use dcv_resolver_ops::LoopbackOnly;

/// Allows operators on the same machine: as [`LoopbackOnly`] does, and over a
/// Unix socket, where the permissions of its file have admitted them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalOnly;

#[async_trait]
impl Authorize for LocalOnly {
    async fn authorize(&self, request: &AccessRequest<'_>) -> Result<Principal, AuthError> {
        match request.peer() {
            // This process serves each TCP peer with its address.
            None => Ok(Principal::new("unix-socket")),
            Some(_) => LoopbackOnly.authorize(request).await,
        }
    }
}
