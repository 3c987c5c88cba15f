//! [`Connection`]: serves one client until it disconnects.

use std::error::Error;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::ConnectInfo;
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tower::{BoxError, Service, ServiceExt};

use crate::client_stream::ClientStream;
use crate::connections::OpenConnection;
#[cfg(feature = "tls")]
use crate::handshakes::Handshakes;
use crate::head_timer::HeadTimer;
use crate::limits::Limits;

/// hyper reads in steps of this size and accepts no smaller limit.
const MIN_BUFFER_BYTES: usize = 8 * 1024;

pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    pub(crate) context: Context,
}

/// Everything about a connection except its bytes.
pub(crate) struct Context {
    pub(crate) peer: SocketAddr,
    pub(crate) limits: Limits,
    /// Its sender is dropped when only requests in flight are to be answered.
    pub(crate) stopped: watch::Receiver<()>,
    /// Whether each response is the last of its connection.
    pub(crate) draining: Arc<AtomicBool>,
    /// Whether the client gets one response even if the server stops before its
    /// request arrives: it connected during the drain.
    pub(crate) owes_response: bool,
    pub(crate) _open: OpenConnection,
}

impl Connection {
    /// Serves `service` until the client disconnects or exceeds a limit, or the
    /// server stops.
    pub(crate) async fn serve<S, B>(self, service: S)
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone,
        S::Error: Into<BoxError>,
        B: Body<Error: Into<BoxError>> + 'static,
    {
        let Self { stream, context } = self;
        let (stream, received) = context.watch(stream);
        context.serve_http(stream, received, service).await;
    }

    /// Does the same over TLS.
    #[cfg(feature = "tls")]
    pub(crate) async fn serve_tls<S, B>(self, service: S, handshakes: Arc<Handshakes>)
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone,
        S::Error: Into<BoxError>,
        B: Body<Error: Into<BoxError>> + 'static,
    {
        let Self {
            stream,
            mut context,
        } = self;
        let (stream, received) = context.watch(stream);
        let handshake = handshakes.begin(stream);
        if let Some(stream) = context.shake_hands(handshake, &received, &handshakes).await {
            context.serve_http(stream, received, service).await;
        }
    }
}

impl Context {
    /// Watches the bytes on the wire, below TLS: above it, a write may end in a
    /// buffer of the TLS layer, where a client that does not read goes
    /// unnoticed.
    fn watch(&self, stream: TcpStream) -> (ClientStream<TcpStream>, Arc<AtomicBool>) {
        let received = Arc::new(AtomicBool::new(false));
        let stream = ClientStream::new(stream, Arc::clone(&received), self.limits.write_timeout);
        (stream, received)
    }

    #[cfg(feature = "tls")]
    async fn shake_hands<S>(
        &mut self,
        handshake: impl Future<Output = std::io::Result<S>>,
        received: &AtomicBool,
        handshakes: &Handshakes,
    ) -> Option<S> {
        let timeout = self.limits.header_read_timeout;
        let mut handshake = pin!(tokio::time::timeout(timeout, handshake));
        let ended = tokio::select! {
            biased;
            ended = handshake.as_mut() => ended,
            _ = self.stopped.changed() => {
                if !self.owes_response && !received.load(Ordering::Relaxed) {
                    return None;
                }
                // A client in the middle of a handshake is about to send a
                // request, like one in the middle of a head.
                self.owes_response = true;
                handshake.await
            }
        };
        let error = match ended {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => error,
            Err(_elapsed) => std::io::ErrorKind::TimedOut.into(),
        };
        if received.load(Ordering::Relaxed) {
            handshakes.failed(self.peer, &error);
        } else {
            tracing::debug!(peer = %self.peer, %error, "connection closed before the TLS handshake began");
        }
        None
    }

    async fn serve_http<T, S, B>(mut self, stream: T, received: Arc<AtomicBool>, service: S)
    where
        T: AsyncRead + AsyncWrite + Unpin,
        S: Service<Request<Incoming>, Response = Response<B>> + Clone,
        S::Error: Into<BoxError>,
        B: Body<Error: Into<BoxError>> + 'static,
    {
        let peer = self.peer;
        let draining = Arc::clone(&self.draining);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            let responding = service.clone().oneshot(request);
            let draining = Arc::clone(&draining);
            async move {
                let mut response = responding.await?;
                if draining.load(Ordering::Relaxed) {
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(CONNECTION, close);
                }
                Ok::<_, S::Error>(response)
            }
        });
        let http = builder(self.limits, received);
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));

        let ended = tokio::select! {
            // The connection is polled first, so that a request that has already
            // arrived counts as in flight. hyper-util's GracefulShutdown polls
            // in the other order, and would close the connection under it.
            biased;
            ended = connection.as_mut() => ended,
            _ = self.stopped.changed() => {
                if !self.owes_response {
                    connection.as_mut().graceful_shutdown();
                }
                connection.await
            }
        };
        if let Err(error) = ended {
            let error: &(dyn Error + 'static) = &error;
            tracing::debug!(%peer, error, "connection closed early");
        }
    }
}

fn builder(limits: Limits, received: Arc<AtomicBool>) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(HeadTimer::new(
        limits.header_read_timeout,
        limits.idle_timeout,
        received,
    ))
    // Only enables the timer, which decides itself how long to wait.
    .header_read_timeout(Duration::ZERO)
    .max_header_size(limits.max_header_bytes)
    .max_buf_size(limits.max_header_bytes.max(MIN_BUFFER_BYTES));
    if let Some(count) = limits.max_headers {
        http.max_headers(count);
    }
    http
}
