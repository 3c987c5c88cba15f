//! [`LoopbackOnly`]: allows callers on the same machine.

use axum::http::HeaderMap;
use dcv_resolver_core::async_trait;
use dcv_resolver_http::{AccessRequest, AuthError, Authorize, Principal};

/// Allows callers on the same machine, with the name `loopback`.
///
/// A proxy on this machine is such a caller, but its clients may be anywhere. A
/// request with `Forwarded`, `X-Forwarded-For` or `Via` is refused, but not
/// every proxy sends one of them: do not let it forward `/explain`, or use
/// another [`Authorize`].
#[derive(Debug, Clone, Copy, Default)]
pub struct LoopbackOnly;

#[async_trait]
impl Authorize for LoopbackOnly {
    async fn authorize(&self, request: &AccessRequest<'_>) -> Result<Principal, AuthError> {
        if is_forwarded(request.headers) {
            return Err(AuthError::Forbidden(
                "only callers on this machine are allowed, and a proxy forwarded this request; \
                 ask without it, or configure tokens"
                    .into(),
            ));
        }
        match request.peer() {
            // An IPv4 peer of an IPv6 socket has a mapped address.
            Some(peer) if peer.ip().to_canonical().is_loopback() => Ok(Principal::new("loopback")),
            Some(_) => Err(AuthError::Forbidden(
                "only callers on this machine are allowed; to ask from elsewhere, configure tokens"
                    .into(),
            )),
            None => Err(AuthError::Forbidden(
                "only callers on this machine are allowed, and the server does not provide the caller's address; \
                 serve with ConnectInfo, or configure tokens"
                    .into(),
            )),
        }
    }
}

/// Returns whether a header shows that a proxy has forwarded the request.
fn is_forwarded(headers: &HeaderMap) -> bool {
    ["forwarded", "x-forwarded-for", "via"]
        .iter()
        .any(|name| headers.contains_key(*name))
}
