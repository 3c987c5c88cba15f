//! [`ResolveRequest`]: the request of a gateway.

use std::net::IpAddr;

use crate::{SessionId, Transport};

/// A resolve request, already validated.
///
/// ```
/// use dcv_resolver_core::{ResolveRequest, Transport};
///
/// let request = ResolveRequest::new("console".parse()?, Transport::Quic)
///     .with_client_ip("192.0.2.7".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolveRequest {
    session_id: SessionId,
    transport: Transport,
    client_ip: Option<IpAddr>,
}

impl ResolveRequest {
    /// Creates a request from an unknown client.
    #[must_use]
    pub fn new(session_id: SessionId, transport: Transport) -> Self {
        Self {
            session_id,
            transport,
            client_ip: None,
        }
    }

    /// Sets the address of the client; an IPv4-mapped IPv6 address becomes the
    /// IPv4 address.
    ///
    /// Behind a load balancer this may be the load balancer's address.
    #[must_use]
    pub fn with_client_ip(mut self, client_ip: IpAddr) -> Self {
        self.client_ip = Some(client_ip.to_canonical());
        self
    }

    /// Returns the id of the requested session.
    #[must_use]
    pub fn session_id(&self) -> &SessionId {
        &self.session_id
    }

    /// Returns the requested transport.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Returns the address of the client, if it is known.
    #[must_use]
    pub fn client_ip(&self) -> Option<IpAddr> {
        self.client_ip
    }
}
