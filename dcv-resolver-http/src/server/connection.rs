//! [`Connection`]: one client, from its first byte to its last.

use std::error::Error;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::Limits;
use super::head_timer::HeadTimer;
use super::watched_stream::WatchedStream;

/// hyper reads in steps of this size and takes no smaller limit.
const MIN_BUFFER_BYTES: usize = 8 * 1024;

pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) limits: Limits,
}

impl Connection {
    /// Serves `app` until the client leaves or breaks a limit. When `stopped`
    /// has no sender any more, only the request in flight is still answered.
    pub(super) async fn serve(self, app: Router, mut stopped: watch::Receiver<()>) {
        let Self {
            stream,
            peer,
            limits,
        } = self;
        let app = TowerToHyperService::new(app);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            app.call(request)
        });
        let received = Arc::new(AtomicBool::new(false));
        let http = builder(limits, Arc::clone(&received));
        let stream = WatchedStream::new(stream, received, limits.write_timeout);
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));

        let ended = tokio::select! {
            // The connection goes first, so that a request which has already
            // arrived counts as in flight. hyper-util's GracefulShutdown asks
            // the other way round and would close the connection under it.
            biased;
            ended = connection.as_mut() => ended,
            _ = stopped.changed() => {
                connection.as_mut().graceful_shutdown();
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
