//! [`AccessRequest`]: what a caller wants to do.

use std::net::SocketAddr;

use axum::http::{Extensions, HeaderMap};

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

/// The kind of access.
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
        dcv_resolver_http::peer(self.extensions)
    }
}
