//! [`Authorize`]: who may use the operators' pages and the admin API.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use dcv_resolver_core::async_trait;

use crate::callers;
use crate::problem::ProblemDocument;
use crate::scope::Scope;

/// Authorizes requests to what gateways do not need: the explanations and the
/// page's data of `dcv-resolver-ops`, and the sessions of `dcv-resolver-admin`.
///
/// ```
/// use dcv_resolver_core::async_trait;
/// use dcv_resolver_http::{AccessRequest, AuthError, Authorize, Principal};
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

/// What a caller wants to do.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct AccessRequest<'a> {
    /// The headers of the request.
    pub headers: &'a HeaderMap,
    /// The extensions of the request, where a layer in front may have left a
    /// user.
    pub extensions: &'a Extensions,
    /// What the caller wants to do.
    pub access: Access,
}

/// The kinds of access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Access {
    /// Reads sessions, decisions, or the explanation of a request.
    Read,
    /// Changes sessions.
    Write,
}

impl<'a> AccessRequest<'a> {
    /// Creates a request for `access`.
    #[must_use]
    pub fn new(headers: &'a HeaderMap, extensions: &'a Extensions, access: Access) -> Self {
        Self {
            headers,
            extensions,
            access,
        }
    }

    /// Returns the other end of the connection, if the server provides
    /// [`ConnectInfo`](axum::extract::ConnectInfo).
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        callers::peer(self.extensions)
    }
}

/// Who sent a request, as the log names them, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Principal {
    /// The name. It must hold no secret.
    pub name: Arc<str>,
    /// The role, if there are roles.
    pub role: Option<Arc<str>>,
    /// The sessions that the caller is limited to.
    pub scope: Scope,
    /// Whether the caller may remove sessions without their lease tokens, as an
    /// operator.
    pub overrides_leases: bool,
}

impl Principal {
    /// Creates a principal without a role, which is not limited to some sessions
    /// and does not override leases.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            role: None,
            scope: Scope::default(),
            overrides_leases: false,
        }
    }

    /// Sets the role.
    #[must_use]
    pub fn with_role(mut self, role: impl Into<Arc<str>>) -> Self {
        self.role = Some(role.into());
        self
    }

    /// Limits the caller to some sessions.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Allows the caller to remove sessions without their lease tokens.
    #[must_use]
    pub fn overriding_leases(mut self) -> Self {
        self.overrides_leases = true;
        self
    }
}

/// Why a request is not authorized. The text is sent to the caller and logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// There is no credential, or no valid one: 401.
    #[error("{detail}")]
    Unauthorized {
        /// Why.
        detail: Cow<'static, str>,
        /// The value of `WWW-Authenticate`, such as `Bearer` or `Basic
        /// realm="sessions"`: how to send a credential.
        challenge: HeaderValue,
    },
    /// The caller may not do this: 403.
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
    /// It is unknown whether the caller may do this, because an identity
    /// provider failed: 503.
    #[error("{0}")]
    Unavailable(Cow<'static, str>),
}

impl AuthError {
    /// Creates an [`Unauthorized`](Self::Unauthorized) that asks for a bearer
    /// token.
    #[must_use]
    pub fn bearer(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Unauthorized {
            detail: detail.into(),
            challenge: HeaderValue::from_static("Bearer"),
        }
    }

    /// Returns the status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized { .. } => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Returns the machine-readable reason, as in the response.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unauthorized { .. } => "unauthorized",
            Self::Forbidden(_) => "forbidden",
            Self::Unavailable(_) => "auth_unavailable",
        }
    }
}

impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        let document = ProblemDocument::new(self.status(), self.reason(), self.to_string());
        let mut response = document.into_response();
        if let Self::Unauthorized { challenge, .. } = self {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
