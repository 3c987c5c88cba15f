//! [`Guard`]: who may ask for an explanation.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::problem::document;

/// Decides who may ask for an explanation.
///
/// ```
/// use std::net::SocketAddr;
/// use std::sync::Arc;
///
/// use axum::http::HeaderMap;
/// use dcv_resolver_http::ops::{Guard, Refused};
///
/// /// Those that a proxy in front has let in.
/// #[derive(Debug)]
/// struct BehindOurProxy;
///
/// impl Guard for BehindOurProxy {
///     fn admit(&self, headers: &HeaderMap, _: Option<SocketAddr>) -> Result<Arc<str>, Refused> {
///         match headers.get("x-user").map(|user| user.to_str()) {
///             Some(Ok(user)) => Ok(user.into()),
///             _ => Err(Refused::Forbidden("come through the proxy".into())),
///         }
///     }
/// }
/// ```
pub trait Guard: fmt::Debug + Send + Sync + 'static {
    /// Lets a caller in, under a name for the log, which must hold no secret.
    /// `peer` is `None` where the server does not tell it as
    /// [`ConnectInfo`](axum::extract::ConnectInfo).
    ///
    /// # Errors
    ///
    /// [`Refused`], when the caller may not ask.
    fn admit(&self, headers: &HeaderMap, peer: Option<SocketAddr>) -> Result<Arc<str>, Refused>;
}

/// A caller is not let in. What it says goes to the caller and to the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// There is no credential, or not a good one: 401, with
    /// `WWW-Authenticate: Bearer`.
    #[error("{0}")]
    Unauthorized(Cow<'static, str>),
    /// The caller may not ask, whatever it shows: 403.
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
}

impl Refused {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
        }
    }

    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Unauthorized(_) => "unauthorized",
            Self::Forbidden(_) => "forbidden",
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = document(status, self.reason(), self.to_string().into(), None);
        if status == StatusCode::UNAUTHORIZED {
            let headers = response.headers_mut();
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Lets in whoever asks from the same machine.
///
/// Behind a proxy on this machine everybody does. What a proxy says that it has
/// passed on, with `Forwarded`, `X-Forwarded-For` or `Via`, is refused; but not
/// every proxy says so. Let it keep `/explain` to itself, or have another
/// [`Guard`].
#[derive(Debug, Clone, Copy, Default)]
pub struct LoopbackOnly;

impl Guard for LoopbackOnly {
    fn admit(&self, headers: &HeaderMap, peer: Option<SocketAddr>) -> Result<Arc<str>, Refused> {
        match peer {
            _ if is_passed_on(headers) => Err(Refused::Forbidden(
                "explanations are given to callers on this machine alone, and a proxy has passed this request on; \
                 ask without it, or configure tokens"
                    .into(),
            )),
            // One of IPv4 that reaches a socket of IPv6 is written as IPv6.
            Some(peer) if peer.ip().to_canonical().is_loopback() => Ok("loopback".into()),
            Some(_) => Err(Refused::Forbidden(
                "explanations are given to callers on this machine alone; to ask from elsewhere, configure tokens"
                    .into(),
            )),
            None => Err(Refused::Forbidden(
                "explanations are given to callers on this machine alone, and the server does not tell where this one is; \
                 serve with ConnectInfo, or configure tokens"
                    .into(),
            )),
        }
    }
}

/// Whether a proxy says that it has passed the request on.
fn is_passed_on(headers: &HeaderMap) -> bool {
    ["forwarded", "x-forwarded-for", "via"]
        .iter()
        .any(|name| headers.contains_key(*name))
}
