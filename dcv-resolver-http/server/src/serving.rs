//! [`Serving`]: accepts and ends the connections of a server.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dcv_resolver_log_throttle::LogThrottle;
use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tower::{BoxError, Service};

use crate::acceptor::{Accepted, Acceptor};
use crate::connection::{Connection, Context};
use crate::connections::Connections;
#[cfg(feature = "tls")]
use crate::handshakes::Handshakes;
use crate::limits::Limits;
use crate::shutdown_summary::ShutdownSummary;
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// How long a warning is not repeated.
const WARNING_WINDOW: Duration = Duration::from_secs(60);

pub(crate) struct Serving<S> {
    service: S,
    limits: Limits,
    at_limit: LogThrottle<()>,
    connections: Connections,
    tasks: JoinSet<()>,
    draining: Arc<AtomicBool>,
    stop: watch::Sender<()>,
    #[cfg(feature = "tls")]
    handshakes: Option<Arc<Handshakes>>,
}

impl<S, B> Serving<S>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    pub(crate) fn new(service: S, limits: Limits, connections: Connections) -> Self {
        let max_connections = limits.max_connections;
        Self {
            service,
            limits,
            at_limit: LogThrottle::new(WARNING_WINDOW, move |(), suppressed| {
                tracing::warn!(
                    max_connections,
                    suppressed = suppressed.count,
                    "the limit on open connections was reached again",
                );
            }),
            connections,
            tasks: JoinSet::new(),
            draining: Arc::default(),
            stop: watch::Sender::new(()),
            #[cfg(feature = "tls")]
            handshakes: None,
        }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn use_tls(&mut self, tls: Tls) {
        let handshakes = Handshakes::new(tls, self.connections.clone());
        self.handshakes = Some(Arc::new(handshakes));
    }

    /// Accepts connections until `end` completes.
    pub(crate) async fn accept_until(
        &mut self,
        acceptor: &mut Acceptor,
        end: impl Future<Output = ()>,
    ) {
        let mut end = pin!(end);
        loop {
            tokio::select! {
                biased;
                () = &mut end => return,
                Some(ended) = self.tasks.join_next() => report_panic(ended),
                accepted = acceptor.accept(), if self.has_room() => self.spawn(accepted),
            }
        }
    }

    /// Makes each response from now on the last of its connection. A client that
    /// connects from now on still gets one.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Accepts the connections that wait in the kernel, as long as there is
    /// room.
    pub(crate) fn accept_waiting(&mut self, acceptor: Acceptor) {
        for accepted in acceptor.into_waiting() {
            if !self.has_room() {
                return;
            }
            self.spawn(accepted);
        }
    }

    /// Answers the requests in flight, and cuts the connections that remain
    /// after `grace`.
    pub(crate) async fn stop(mut self, grace: Duration) -> ShutdownSummary {
        self.drain();
        // Lets the runtime see what the kernel already holds: a request that
        // has arrived is in flight, even if it has not been read yet.
        tokio::task::yield_now().await;
        drop(self.stop);
        let all_ended = async {
            while let Some(ended) = self.tasks.join_next().await {
                report_panic(ended);
            }
        };
        // What is left is counted below, and cut when the set is dropped.
        let _in_time = tokio::time::timeout(grace, all_ended).await;
        let connections_cut = self.tasks.len();
        self.connections.cut(connections_cut);
        ShutdownSummary { connections_cut }
    }

    fn has_room(&self) -> bool {
        self.tasks.len() < self.limits.max_connections
    }

    fn spawn(&mut self, (stream, peer): Accepted) {
        let connection = Connection {
            stream,
            context: Context {
                peer,
                limits: self.limits,
                stopped: self.stop.subscribe(),
                owes_response: self.draining.load(Ordering::Relaxed),
                draining: Arc::clone(&self.draining),
                _open: self.connections.accepted(),
            },
        };
        self.spawn_connection(connection);
        if !self.has_room() && self.at_limit.allows(()) {
            tracing::warn!(
                max_connections = self.limits.max_connections,
                "the limit on open connections is reached; new connections wait until one is closed",
            );
        }
    }

    /// Spawns one of two kinds of tasks: a connection without TLS need not
    /// reserve the memory for it.
    fn spawn_connection(&mut self, connection: Connection) {
        let service = self.service.clone();
        #[cfg(feature = "tls")]
        if let Some(handshakes) = &self.handshakes {
            let handshakes = Arc::clone(handshakes);
            self.tasks.spawn(connection.serve_tls(service, handshakes));
            return;
        }
        self.tasks.spawn(connection.serve(service));
    }
}

/// Logs a panic, which has ended only its own connection.
fn report_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "the service panicked; its connection was closed");
    }
}
