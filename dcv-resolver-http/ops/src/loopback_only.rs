//! [`LoopbackOnly`]: allows callers on the same machine.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Uri};
use dcv_resolver_authorize::{AccessRequest, AuthError, Authorize, Principal};
use dcv_resolver_core::async_trait;

/// An [`Authorize`] that allows callers on the same machine, under the name
/// `loopback`.
///
/// A browser on this machine is such a caller, but the pages that it shows may
/// come from anywhere. So a request is refused if
///
/// - its `Host` is anything but `localhost` or a loopback address: a page may
///   resolve its own name to 127.0.0.1 (DNS rebinding). A request without
///   `Host` does not come from a browser;
/// - its `Sec-Fetch-Site` shows that another site sent it: anything but
///   `none`, for an address that the user entered, and `same-origin`;
/// - its `Origin` is not that of its `Host`.
///
/// A proxy on this machine is such a caller as well, and its clients may be
/// anywhere. A request with `Forwarded`, `X-Forwarded-For` or `Via` is refused,
/// but not every proxy sends one of them: do not let it forward `/explain`,
/// `/decisions` and `/sessions`, or use another [`Authorize`].
#[derive(Debug, Clone, Copy, Default)]
pub struct LoopbackOnly;

#[async_trait]
impl Authorize for LoopbackOnly {
    async fn authorize(&self, request: &AccessRequest<'_>) -> Result<Principal, AuthError> {
        // An IPv4 peer of an IPv6 socket has a mapped address.
        let is_local = request
            .peer()
            .map(|peer| peer.ip().to_canonical().is_loopback());
        let refusal = match is_local {
            None => {
                "only callers on this machine are allowed, and the server does not provide the caller's address; \
                 serve with ConnectInfo, or configure tokens"
            }
            Some(false) => {
                "only callers on this machine are allowed; to ask from elsewhere, configure tokens"
            }
            _ if is_forwarded(request.headers) => {
                "only callers on this machine are allowed, and a proxy forwarded this request; \
                 ask without it, or configure tokens"
            }
            _ if !has_loopback_host(request.headers) => {
                "only requests to localhost or a loopback address are allowed, and the Host of this request is another; \
                 use http://localhost in the URL, or configure tokens"
            }
            _ if is_from_another_site(request.headers) => {
                "only requests of the user are allowed, and a web page of another site sent this one; \
                 enter the URL in the address bar, or configure tokens"
            }
            Some(true) => return Ok(Principal::new("loopback")),
        };
        Err(AuthError::Forbidden(refusal.into()))
    }
}

/// Returns whether a header shows that a proxy has forwarded the request.
fn is_forwarded(headers: &HeaderMap) -> bool {
    ["forwarded", "x-forwarded-for", "via"]
        .iter()
        .any(|name| headers.contains_key(*name))
}

fn has_loopback_host(headers: &HeaderMap) -> bool {
    headers
        .get_all(HOST)
        .iter()
        .all(|value| authority(value).is_some_and(|authority| is_loopback(authority.host())))
}

fn is_loopback(host: &str) -> bool {
    let address = match host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(address) => address.parse::<Ipv6Addr>().map(IpAddr::from),
        None => host.parse(),
    };
    match address {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// Returns whether a header shows that a browser sent the request for a page of
/// another site. The port is part of an origin, so that a page of another
/// service on this machine is one as well.
fn is_from_another_site(headers: &HeaderMap) -> bool {
    let another_site = headers
        .get_all("sec-fetch-site")
        .iter()
        .any(|site| site != "none" && site != "same-origin");
    let host = headers.get(HOST).and_then(authority);
    let another_origin = headers
        .get_all(ORIGIN)
        .iter()
        .map(origin)
        .any(|origin| origin.is_none() || origin != host);
    another_site || another_origin
}

fn authority(host: &HeaderValue) -> Option<Authority> {
    let authority: Authority = host.to_str().ok()?.parse().ok()?;
    // `Host` has no user name.
    (!authority.as_str().contains('@')).then_some(authority)
}

/// Returns the host and port of an `Origin`; `None` if it is opaque.
fn origin(value: &HeaderValue) -> Option<Authority> {
    let uri: Uri = value.to_str().ok()?.parse().ok()?;
    uri.scheme()?;
    uri.into_parts().authority
}
