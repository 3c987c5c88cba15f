//! [`Connection`]: serves one client until it disconnects.

use std::error::Error;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tower::{BoxError, Service, ServiceExt};

use crate::activity::Activity;
use crate::admission::{Admission, Admitted};
use crate::client_stream::ClientStream;
use crate::connections::OpenConnection;
use crate::failure::Failure;
use crate::failure_log::FailureLog;
use crate::first_bytes::Greeting;
#[cfg(feature = "tls")]
use crate::handshake_failure::handshake_failure;
use crate::head_timer::HeadTimer;
use crate::http_failure::http_failure;
use crate::last_response::LastResponse;
use crate::limits::Limits;
use crate::proxy_header::{NoProxyHeader, read_proxy_header};
use crate::stream::Stream;
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// hyper reads in steps of this size and accepts no smaller limit.
const MIN_BUFFER_BYTES: usize = 8 * 1024;

pub(crate) struct Connection {
    pub(crate) stream: Stream,
    pub(crate) admitted: Admitted,
    pub(crate) context: Context,
}

/// Everything about a connection except its bytes.
pub(crate) struct Context {
    /// `None` over a Unix socket.
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) limits: Limits,
    /// Its sender is dropped when only requests in flight are to be answered.
    pub(crate) stopped: watch::Receiver<()>,
    pub(crate) last_response: LastResponse,
    /// Whether the client gets one response even if the server stops before its
    /// request arrives: it connected during the drain.
    pub(crate) owes_response: bool,
    pub(crate) failures: Arc<FailureLog>,
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
        let Self {
            stream,
            admitted,
            context,
        } = self;
        let activity = admitted.activity();
        let stream = context.watch(stream, activity);
        context.serve_http(stream, activity, service, false).await;
    }

    /// Does the same over TLS.
    #[cfg(feature = "tls")]
    pub(crate) async fn serve_tls<S, B>(self, service: S, tls: Tls)
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone,
        S::Error: Into<BoxError>,
        B: Body<Error: Into<BoxError>> + 'static,
    {
        let Self {
            stream,
            admitted,
            mut context,
        } = self;
        let activity = admitted.activity();
        let stream = context.watch(stream, activity);
        let (acceptor, distrusted) = tls.begin();
        context.last_response.distrusted = Some(distrusted);
        let handshake = acceptor.accept(stream);
        if let Some(stream) = context.shake_hands(handshake, activity).await {
            activity.complete_handshake();
            context.serve_http(stream, activity, service, true).await;
        }
    }

    /// Reads the header that a load balancer sends first, and uses the address
    /// in it as the peer's. Returns `None` if the connection must be closed.
    pub(crate) async fn read_proxy_header(
        mut self,
        admission: &Admission,
        answers_refusals: bool,
    ) -> Option<Self> {
        let timeout = self.context.limits.header_read_timeout;
        let header = tokio::time::timeout(timeout, read_proxy_header(&mut self.stream));
        let header = tokio::select! {
            header = header => header,
            _ = self.context.stopped.changed(), if !self.context.owes_response => return None,
        };
        let context = &mut self.context;
        match header {
            Ok(Ok(Some(client))) => context.peer = Some(client),
            // The connection is the load balancer's own, such as a health
            // check.
            Ok(Ok(None)) => return Some(self),
            Ok(Err(NoProxyHeader::Closed)) => {
                context.fail(Failure::ClosedWithoutRequest, None);
                return None;
            }
            Ok(Err(NoProxyHeader::Failed(failure, error))) => {
                let error = error.as_deref();
                context.fail(failure, error.map(|error| error as &(dyn Error + 'static)));
                return None;
            }
            Err(_elapsed) => {
                context.fail(Failure::ProxyHeaderTimeout, None);
                return None;
            }
        }
        let Admitted::To(place) = self.admitted else {
            return None;
        };
        self.admitted = match admission.reassign(place, context.peer) {
            Ok(admitted) => {
                let refused = admitted.as_ref().is_none_or(Admitted::is_refused);
                if refused {
                    context.fail(Failure::NotAllowed, None);
                    context.last_response.is_refused = true;
                }
                admitted.filter(|_| !refused || answers_refusals)?
            }
            Err(failure) => {
                context.fail(failure, None);
                return None;
            }
        };
        Some(self)
    }
}

impl Context {
    /// Watches the bytes on the wire, below TLS: above it, a write may end in a
    /// buffer of the TLS layer, where a client that does not read goes
    /// unnoticed.
    fn watch(&self, stream: Stream, activity: &Arc<Activity>) -> ClientStream<Stream> {
        ClientStream::new(stream, Arc::clone(activity), self.limits.write_timeout)
    }

    fn fail(&self, failure: Failure, error: Option<&(dyn Error + 'static)>) {
        self.failures.record(failure, self.peer, error);
    }

    #[cfg(feature = "tls")]
    async fn shake_hands<S>(
        &mut self,
        handshake: impl Future<Output = std::io::Result<S>>,
        activity: &Activity,
    ) -> Option<S> {
        let timeout = self.limits.header_read_timeout;
        let mut handshake = pin!(tokio::time::timeout(timeout, handshake));
        let ended = tokio::select! {
            biased;
            ended = handshake.as_mut() => ended,
            _ = self.stopped.changed() => {
                if !self.owes_response && !activity.has_received() {
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
        let failure = if activity.has_received() {
            handshake_failure(&error, activity.greeting())
        } else if error.kind() == std::io::ErrorKind::TimedOut {
            Failure::NoRequest
        } else {
            Failure::ClosedWithoutRequest
        };
        self.fail(failure, Some(&error));
        None
    }

    async fn serve_http<T, S, B>(
        mut self,
        stream: T,
        activity: &Arc<Activity>,
        service: S,
        over_tls: bool,
    ) where
        T: AsyncRead + AsyncWrite + Unpin,
        S: Service<Request<Incoming>, Response = Response<B>> + Clone,
        S::Error: Into<BoxError>,
        B: Body<Error: Into<BoxError>> + 'static,
    {
        let peer = self.peer;
        let last_response = &self.last_response;
        let service = service_fn(move |mut request: Request<Incoming>| {
            activity.begin_request();
            if let Some(peer) = peer {
                request.extensions_mut().insert(ConnectInfo(peer));
            }
            let responding = service.clone().oneshot(request);
            async move {
                let mut response = responding.await?;
                if last_response.is_next() {
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(CONNECTION, close);
                }
                Ok::<_, S::Error>(response)
            }
        });
        let http = builder(self.limits, activity);
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));

        let mut was_asked_to_close = false;
        let ended = tokio::select! {
            // The connection is polled first, so that a request that has already
            // arrived counts as in flight. hyper-util's GracefulShutdown polls
            // in the other order, and would close the connection under it.
            biased;
            ended = connection.as_mut() => ended,
            _ = self.stopped.changed() => {
                if !self.owes_response {
                    was_asked_to_close = true;
                    connection.as_mut().graceful_shutdown();
                }
                connection.await
            }
            () = activity.evicted() => {
                was_asked_to_close = true;
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        match ended {
            Ok(()) => {
                if !activity.has_served() && !was_asked_to_close {
                    self.failures
                        .record(Failure::ClosedWithoutRequest, peer, None);
                }
            }
            Err(error) => {
                let greeting = if over_tls {
                    Greeting::Other
                } else {
                    activity.greeting()
                };
                let source: &(dyn Error + 'static) = &error;
                match http_failure(&error, activity, greeting) {
                    Some(failure) => self.failures.record(failure, peer, Some(source)),
                    None => tracing::debug!(
                        peer = peer.map(tracing::field::display),
                        error = source,
                        "idle connection closed",
                    ),
                }
            }
        }
    }
}

fn builder(limits: Limits, activity: &Arc<Activity>) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(HeadTimer::new(
        limits.header_read_timeout,
        limits.idle_timeout,
        Arc::clone(activity),
    ))
    // This only enables the timer; `HeadTimer` itself decides how long to wait.
    .header_read_timeout(Duration::ZERO)
    // A client may close its side after the request and still wait for the
    // response. It cannot be distinguished from one that has gone away, which
    // is noticed only when the response is sent.
    .half_close(true)
    .max_header_size(limits.max_header_bytes)
    .max_buf_size(limits.max_header_bytes.max(MIN_BUFFER_BYTES));
    if let Some(count) = limits.max_headers {
        http.max_headers(count);
    }
    http
}
