//! [`Connector`]: resolves the name, connects and shakes hands, each with errors
//! of its own.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use dcv_resolver_core::BoxFuture;
use hyper::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::ProtocolVersion;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::base_url::BaseUrl;
use crate::client_certificate::ClientCertificate;
use crate::connection_report::{ConnectionReport, PeerCertificate, TlsReport};
use crate::live_tls::LiveTls;
use crate::request_error::{RequestError, RequestErrorKind};
use crate::tls_failure::TlsFailure;
use crate::tls_options::TlsVersion;

/// What a limit counts as that is too long for the clock, such as
/// [`Duration::MAX`]: 30 years.
const NO_LIMIT: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Makes connections to one server.
#[derive(Clone)]
pub(crate) struct Connector {
    url: Arc<BaseUrl>,
    tls: Option<Arc<LiveTls>>,
    timeout: Duration,
}

/// A connection that HTTP can use.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Connection for Box<dyn Stream> {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Connector {
    pub(crate) fn new(url: Arc<BaseUrl>, tls: Option<LiveTls>, timeout: Duration) -> Self {
        Self {
            url,
            tls: tls.map(Arc::new),
            timeout,
        }
    }

    /// Establishes a connection and describes it.
    pub(crate) async fn report(&self) -> Result<ConnectionReport, RequestError> {
        let deadline = self.deadline();
        let addresses = self.addresses(deadline).await?;
        let stream = self.tcp(&addresses, deadline).await?;
        let peer = stream.peer_addr().map_err(|error| {
            let message = format!("{} closed the connection: {error}", self.url.authority());
            RequestError::new(RequestErrorKind::Connect, message).with_source(error)
        })?;
        let tls = match &self.tls {
            None => None,
            Some(tls) => Some(tls_report(&self.tls(tls, stream, deadline).await?)),
        };
        Ok(ConnectionReport {
            addresses,
            peer,
            tls,
        })
    }

    pub(crate) async fn establish(&self) -> Result<Box<dyn Stream>, RequestError> {
        let deadline = self.deadline();
        let addresses = self.addresses(deadline).await?;
        let stream = self.tcp(&addresses, deadline).await?;
        Ok(match &self.tls {
            None => Box::new(stream),
            Some(tls) => Box::new(self.tls(tls, stream, deadline).await?),
        })
    }

    /// Returns what the server got when it asked for a client certificate.
    pub(crate) fn client_certificate(&self) -> ClientCertificate {
        let tls = self.tls.as_ref();
        tls.map_or(ClientCertificate::NotAsked, |tls| tls.client_certificate())
    }

    fn deadline(&self) -> Instant {
        let now = Instant::now();
        now.checked_add(self.timeout).unwrap_or(now + NO_LIMIT)
    }

    /// Resolves the name.
    async fn addresses(&self, deadline: Instant) -> Result<Vec<SocketAddr>, RequestError> {
        let BaseUrl { host, port, .. } = &*self.url;
        let failed = |error: io::Error| {
            let message = format!("cannot resolve the name {host}: {error}");
            RequestError::new(RequestErrorKind::Dns, message).with_source(error)
        };
        let found = timeout_at(deadline, lookup_host((host.as_str(), *port))).await;
        let found = found.map_err(|_elapsed| {
            let what = format!("the name {host} was not resolved");
            self.too_slow(RequestErrorKind::DnsTimeout, &what)
        })?;
        let addresses: Vec<_> = found.map_err(failed)?.collect();
        if addresses.is_empty() {
            return Err(failed(io::Error::other("it has no address")));
        }
        Ok(addresses)
    }

    /// Connects to the first address that accepts, and gives each its share of
    /// the time that is left, so that one which does not answer leaves time for
    /// the next.
    async fn tcp(
        &self,
        addresses: &[SocketAddr],
        deadline: Instant,
    ) -> Result<TcpStream, RequestError> {
        let mut failure = None;
        for (index, address) in addresses.iter().enumerate() {
            let now = Instant::now();
            let left = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
            let share = now + deadline.saturating_duration_since(now) / left;
            match timeout_at(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Small requests must not wait for each other. Without it
                    // they are only slower.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => failure = Some(error),
                Err(_elapsed) => {}
            }
        }
        let tried: Vec<_> = addresses.iter().map(|it| it.ip().to_string()).collect();
        let to = format!("{} at {}", self.url.authority(), tried.join(", "));
        Err(match failure {
            None => {
                let what = format!("{to} did not accept a connection");
                self.too_slow(RequestErrorKind::ConnectTimeout, &what)
            }
            Some(error) => {
                let message = format!("cannot connect to {to}: {error}");
                RequestError::new(RequestErrorKind::Connect, message).with_source(error)
            }
        })
    }

    /// Shakes hands.
    async fn tls(
        &self,
        tls: &Arc<LiveTls>,
        stream: TcpStream,
        deadline: Instant,
    ) -> Result<TlsStream<TcpStream>, RequestError> {
        let authority = self.url.authority();
        let name = ServerName::try_from(self.url.host.clone()).map_err(|error| {
            let message = format!("{authority} is not a name that a certificate can have");
            RequestError::new(RequestErrorKind::InvalidUrl, message).with_source(error)
        })?;
        let handshake = async {
            let config = tls.config().await;
            TlsConnector::from(config).connect(name, stream).await
        };
        let done = timeout_at(deadline, handshake).await;
        let done = done.map_err(|_elapsed| {
            let what = format!("{authority} did not finish the TLS handshake");
            self.too_slow(RequestErrorKind::TlsTimeout, &what)
        })?;
        done.map_err(|error| {
            let failure = TlsFailure::of(&error, tls.client_certificate());
            tls_error(&authority, failure).with_source(error)
        })
    }

    fn too_slow(&self, kind: RequestErrorKind, what: &str) -> RequestError {
        RequestError::new(kind, format!("{what} within {:?}", self.timeout))
    }
}

/// Returns the error of a server with which there is no TLS connection.
pub(crate) fn tls_error(authority: &str, failure: TlsFailure) -> RequestError {
    RequestError::new(RequestErrorKind::Tls, format!("{authority} {failure}"))
        .with_tls_failure(failure)
}

fn tls_report(stream: &TlsStream<TcpStream>) -> TlsReport {
    let (_, connection) = stream.get_ref();
    let leaf = connection.peer_certificates().and_then(<[_]>::first);
    TlsReport {
        version: match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => Some(TlsVersion::Tls12),
            Some(ProtocolVersion::TLSv1_3) => Some(TlsVersion::Tls13),
            _ => None,
        },
        certificate: leaf.and_then(|der| PeerCertificate::parse(der).ok()),
    }
}

/// The URI is not used: all connections are to the same server.
impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Box<dyn Stream>>;
    type Error = RequestError;
    type Future = BoxFuture<'static, Result<Self::Response, RequestError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), RequestError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move { Ok(TokioIo::new(this.establish().await?)) })
    }
}
