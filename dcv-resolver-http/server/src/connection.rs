//! [`Connection`]: one client, from its first byte to its last.

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
use tower::{Service, ServiceExt};

use super::connections::Open;
#[cfg(feature = "tls")]
use super::handshake::Handshakes;
use super::head_timer::HeadTimer;
use super::watched_stream::WatchedStream;
use super::{BoxError, Limits};

/// hyper reads in steps of this size and takes no smaller limit.
const MIN_BUFFER_BYTES: usize = 8 * 1024;

pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) context: Context,
}

/// All about a connection but its bytes.
pub(super) struct Context {
    pub(super) peer: SocketAddr,
    pub(super) limits: Limits,
    /// Has no sender any more when only what is in flight is to be answered.
    pub(super) stopped: watch::Receiver<()>,
    /// Whether answers end their connections.
    pub(super) ending: Arc<AtomicBool>,
    /// Whether the connection is to have one answer, however late its request
    /// comes: the client has only just been sent here.
    pub(super) is_promised_an_answer: bool,
    /// Keeps count of it.
    pub(super) _open: Open,
}

impl Connection {
    /// Serves `service` until the client leaves or breaks a limit, or the server
    /// stops.
    pub(super) async fn serve<S, B>(self, service: S)
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone,
        S::Error: Into<BoxError>,
        B: Body<Error: Into<BoxError>> + 'static,
    {
        let Self { stream, context } = self;
        let (stream, received) = context.watch(stream);
        context.serve_http(stream, received, service).await;
    }

    /// The same over TLS.
    #[cfg(feature = "tls")]
    pub(super) async fn serve_tls<S, B>(self, service: S, handshakes: Arc<Handshakes>)
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
    /// Watches what comes and goes on the wire itself: under TLS, what was
    /// written may wait in a buffer that nobody would watch.
    fn watch(&self, stream: TcpStream) -> (WatchedStream<TcpStream>, Arc<AtomicBool>) {
        let received = Arc::new(AtomicBool::new(false));
        let stream = WatchedStream::new(stream, Arc::clone(&received), self.limits.write_timeout);
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
                if !self.is_promised_an_answer && !received.load(Ordering::Relaxed) {
                    return None;
                }
                // As with a head that has begun: who is in the middle of a
                // handshake has a request to make.
                self.is_promised_an_answer = true;
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
            tracing::debug!(peer = %self.peer, %error, "a connection ended before it began");
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
        let ending = Arc::clone(&self.ending);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            let responding = service.clone().oneshot(request);
            let ending = Arc::clone(&ending);
            async move {
                let mut response = responding.await?;
                if ending.load(Ordering::Relaxed) {
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(CONNECTION, close);
                }
                Ok::<_, S::Error>(response)
            }
        });
        let http = builder(self.limits, received);
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));

        let ended = tokio::select! {
            // The connection goes first, so that a request which has already
            // arrived counts as in flight. hyper-util's GracefulShutdown asks
            // the other way round and would close the connection under it.
            biased;
            ended = connection.as_mut() => ended,
            _ = self.stopped.changed() => {
                if !self.is_promised_an_answer {
                    connection.as_mut().graceful_shutdown();
                }
                connection.await
            }
        };
        if let Err(error) = ended {
            let error: &(dyn Error + 'static) = &error;
            tracing::debug!(%peer, error, "a connection ended early");
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
    // Only switches the timer on: how long to wait is for the timer to say.
    .header_read_timeout(Duration::ZERO)
    .max_header_size(limits.max_header_bytes)
    .max_buf_size(limits.max_header_bytes.max(MIN_BUFFER_BYTES));
    if let Some(count) = limits.max_headers {
        http.max_headers(count);
    }
    http
}
