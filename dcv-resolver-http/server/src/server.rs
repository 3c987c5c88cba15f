//! [`Server`]: serves a tower service.

use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use tower::{BoxError, Service};

use crate::acceptor::Acceptor;
use crate::admission::Admission;
use crate::connections::Connections;
use crate::limits::Limits;
use crate::listener::Listener;
use crate::peer_filter::PeerFilter;
use crate::places::Places;
use crate::serving::Serving;
use crate::shutdown_summary::ShutdownSummary;
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// A server that serves a [`tower::Service`] over HTTP/1.1; see [the
/// crate](crate).
///
/// Each request carries the client's address in its extensions, as
/// [`ConnectInfo<SocketAddr>`](axum::extract::ConnectInfo), except over a Unix
/// socket. Connections are not upgraded to other protocols (no HTTP/2, no
/// WebSocket).
///
/// A client may close its side of the connection after its request and still
/// gets the response. As a consequence, the server notices that a client has
/// gone away only when it sends the response, and the service works on the
/// request until then.
#[derive(Debug, Clone)]
#[must_use = "a server does nothing until it serves"]
pub struct Server<S> {
    service: S,
    limits: Limits,
    drain: Duration,
    shutdown_grace: Duration,
    connections: Connections,
    allowed_peers: Option<PeerFilter>,
    load_balancers: Option<PeerFilter>,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

impl<S> Server<S> {
    /// Creates a server of `service` with the default limits.
    pub fn new(service: S) -> Self {
        let limits = Limits::default();
        let connections = Connections::default();
        connections.set_max(limits.max_connections);
        Self {
            service,
            limits,
            drain: Duration::ZERO,
            shutdown_grace: Duration::from_secs(10),
            connections,
            allowed_peers: None,
            load_balancers: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Sets how long a client may take to send the head of a request: the
    /// request line and the header fields. The default is 5 s.
    ///
    /// For the first request of a connection, the time starts when the
    /// connection is accepted, or with TLS when the handshake is done. For later
    /// requests it starts with the first byte after the previous response. A
    /// client that is too slow gets no response.
    ///
    /// A TLS handshake may take as long as this too.
    pub fn header_read_timeout(mut self, timeout: Duration) -> Self {
        self.limits.header_read_timeout = timeout;
        self
    }

    /// Sets how long a connection is kept after a response while nothing
    /// arrives. The default is 120 s.
    ///
    /// Choose more than the client's own limit. Then the client closes first,
    /// and never sends a request on a connection that the server is just
    /// closing. The pools of common clients keep a connection for up to 90 s:
    /// those of Go and of hyper do.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.limits.idle_timeout = timeout;
        self
    }

    /// Sets how long a client may read nothing while a response waits for it.
    /// The default is 30 s.
    ///
    /// The time starts when the kernel's send buffer is full, and again whenever
    /// the client makes room in it.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.limits.write_timeout = timeout;
        self
    }

    /// Sets the maximum length of a request's head: the request line and the
    /// header fields. The default is 16 KiB. A longer head is answered with 431,
    /// and the connection is closed.
    ///
    /// This is nearly all the memory that a client can claim by sending: a
    /// connection buffers up to this much, and at least 8 KiB.
    pub fn max_header_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_header_bytes = bytes;
        self
    }

    /// Sets the maximum number of header fields in a request. The default is
    /// 100. A request with more is answered with 431, and the connection is
    /// closed.
    ///
    /// Any number other than 100 costs an allocation per request. More than
    /// 24,576 fields are never accepted.
    pub fn max_headers(mut self, count: usize) -> Self {
        self.limits.max_headers = (count != 100).then_some(count.min(24_576));
        self
    }

    /// Sets the maximum number of open connections. The default is 4,096, the
    /// minimum 1.
    ///
    /// A gateway accepts 1,000 TCP and 1,000 QUIC connections by default, and
    /// sends one request for each. The default has room for two gateways whose
    /// clients all reconnect at the same moment, in less than 100 MB.
    ///
    /// At the limit, the connection that has been idle for longest is closed
    /// for each new one: its client has its responses, and can connect again.
    /// While none is idle, new connections wait: the first is already accepted,
    /// the others are in the kernel's backlog. Refusing them instead would turn
    /// a burst into errors that users see. A client that sends nothing holds
    /// its place for [`header_read_timeout`](Self::header_read_timeout) at
    /// most.
    ///
    /// Each connection needs a file descriptor. If the process runs out of file
    /// descriptors first, the server waits in the same way and logs a warning.
    pub fn max_connections(mut self, count: usize) -> Self {
        self.limits.max_connections = count.max(1);
        self.connections.set_max(self.limits.max_connections);
        self
    }

    /// Sets the maximum number of open connections of one peer: one IPv4
    /// address, or one IPv6 network of 64 bits, since one host may use all of
    /// its addresses. The default is half of
    /// [`max_connections`](Self::max_connections), the minimum 1.
    ///
    /// A peer at its limit loses its longest idle connection for each new one. If
    /// none of them is idle, the new one is closed. So one host cannot take all
    /// places, and a gateway is limited only by the number of requests that it
    /// sends at the same time. Peers of a Unix socket have no such limit.
    pub fn max_connections_per_peer(mut self, count: usize) -> Self {
        self.limits.max_connections_per_peer = Some(count.max(1));
        self
    }

    /// Accepts only peers for whose address `is_allowed` returns `true`. Other
    /// connections take no place among the
    /// [connections](Self::max_connections): they are counted, and closed
    /// before TLS. To let such peers know why, see
    /// [`max_answered_refusals`](Self::max_answered_refusals).
    ///
    /// `is_allowed` is called once for each connection and must not block. An
    /// IPv4-mapped IPv6 address is passed as the IPv4 address. Connections over
    /// a Unix socket are always allowed: the permissions of its file decide who
    /// may connect.
    pub fn allowed_peers(
        mut self,
        is_allowed: impl Fn(IpAddr) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.allowed_peers = Some(PeerFilter::new(is_allowed));
        self
    }

    /// Lets the service answer peers that are not
    /// [allowed](Self::allowed_peers): one request on each connection, for up
    /// to `count` such connections at a time. The default is 0: the service
    /// never sees them.
    ///
    /// **The service must refuse them itself**, as the `ResolveService` of
    /// `dcv-resolver-http` does with the same networks: its 403 says why. These
    /// connections take no places from others, and are closed after the
    /// response. Over TLS there is no response, since a handshake costs more
    /// than a refusal.
    pub fn max_answered_refusals(mut self, count: usize) -> Self {
        self.limits.max_answered_refusals = count;
        self
    }

    /// Expects a header of the PROXY protocol, version 1 or 2, from peers for
    /// whose address `is_load_balancer` returns `true`, and takes the client's
    /// address from it. This address then replaces the peer's address in every
    /// respect.
    ///
    /// These peers must send the header, within
    /// [`header_read_timeout`](Self::header_read_timeout). With a header that
    /// says `LOCAL` or `UNKNOWN`, as in a health check, the peer's own address
    /// counts. A header from any other peer is an invalid request, because it
    /// would let the peer choose its address. The load balancer itself need not
    /// be an [allowed peer](Self::allowed_peers).
    ///
    /// Source: HAProxy Technologies, *The PROXY protocol*, versions 1 and 2.
    pub fn proxy_protocol(
        mut self,
        is_load_balancer: impl Fn(IpAddr) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.load_balancers = Some(PeerFilter::new(is_load_balancer));
        self
    }

    /// Sets how long requests in flight may take once the server accepts no more
    /// connections. The default is 10 s.
    pub fn shutdown_grace(mut self, grace: Duration) -> Self {
        self.shutdown_grace = grace;
        self
    }

    /// Sets how long the server drains when the shutdown begins. The default is
    /// zero: it does not drain.
    ///
    /// A draining server continues as before, except that each response has
    /// `connection: close`. Without that, a client with a keep-alive connection
    /// notices the shutdown only when the connection is closed, perhaps while
    /// its next request is on the way. A load balancer needs the same time to
    /// stop sending clients here: let readiness fail when the drain begins, and
    /// drain for longer than the load balancer takes to notice. No new client
    /// should connect at the end of the drain: the kernel resets a connection
    /// that is made just when the listener is closed.
    ///
    /// The [grace](Self::shutdown_grace) follows the drain. A client that
    /// connects during the drain still gets one response; a client that sends
    /// nothing is closed after
    /// [`header_read_timeout`](Self::header_read_timeout).
    pub fn drain(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// Serves TLS on every connection. A connection uses the certificate that
    /// `tls` holds when the connection is accepted.
    ///
    /// Each connection does its handshake in its own task, so a slow handshake
    /// delays no other connection. A handshake may take as long as the head of
    /// a request, whose own time starts afterwards; see
    /// [`header_read_timeout`](Self::header_read_timeout).
    ///
    /// A failed handshake is logged with its cause: at WARN, the first one of
    /// each cause and peer within a minute, and how many more followed; at
    /// DEBUG, each one.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Returns the counters of the server's connections, for metrics. Clones of
    /// a server share them.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.connections.clone()
    }
}

impl<S, B> Server<S>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    /// Serves the connections of `listener` until `shutdown` completes.
    ///
    /// Then the server [drains](Self::drain). After that it accepts no more
    /// connections, and closes `listener` and the connections that wait for
    /// their next request. Requests in flight are answered, with `connection:
    /// close`. The future completes when the last response is sent, or at the
    /// end of the [grace](Self::shutdown_grace): connections that are still busy
    /// are aborted and counted.
    ///
    /// Any tokio listener works, for TCP or for a Unix socket.
    /// [`listen`](crate::listen()) opens one with a larger backlog than
    /// `TcpListener::bind`, and [`from_std`](crate::from_std) converts one of
    /// the standard library, such as an inherited socket.
    ///
    /// Neither an error of `accept` nor a panic in the service ends the server.
    /// Dropping the future closes everything at once.
    pub async fn serve(
        self,
        listener: impl Into<Listener>,
        shutdown: impl Future<Output = ()>,
    ) -> ShutdownSummary {
        self.serve_with_shutdown(listener, shutdown, std::future::pending())
            .await
    }

    /// [Serves](Self::serve) until `shutdown` completes, and ends the drain
    /// early when `end_drain` completes.
    ///
    /// `end_drain` is not polled before the drain begins, so it may wait for the
    /// same signal a second time:
    ///
    /// ```no_run
    /// # use dcv_resolver_server::Server;
    /// # async fn run(server: Server<axum::Router>, listener: tokio::net::TcpListener) {
    /// let signal = async || {
    ///     let _ = tokio::signal::ctrl_c().await;
    /// };
    /// server.serve_with_shutdown(listener, signal(), signal()).await;
    /// # }
    /// ```
    pub async fn serve_with_shutdown(
        self,
        listener: impl Into<Listener>,
        shutdown: impl Future<Output = ()>,
        end_drain: impl Future<Output = ()>,
    ) -> ShutdownSummary {
        let mut acceptor = Acceptor::new(listener.into());
        let limits = self.limits;
        let places = Places::new(
            limits.max_connections,
            limits.max_connections_per_peer(),
            self.connections.clone(),
        );
        let admission = Admission::new(
            places,
            self.allowed_peers,
            self.load_balancers,
            limits.max_answered_refusals,
        );
        let mut serving = Serving::new(self.service, limits, admission, self.connections);
        #[cfg(feature = "tls")]
        if let Some(tls) = self.tls {
            serving.use_tls(tls);
        }
        serving.accept_until(&mut acceptor, shutdown).await;
        if self.drain.is_zero() {
            drop(acceptor);
        } else {
            serving.drain();
            let drained = async {
                let _ended_early = tokio::time::timeout(self.drain, end_drain).await;
            };
            serving.accept_until(&mut acceptor, drained).await;
            serving.accept_waiting(acceptor);
        }
        serving.stop(self.shutdown_grace).await
    }
}
