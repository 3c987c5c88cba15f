//! [`Serving`]: the connections of a server, from the first to the last.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dcv_resolver_http::LogThrottle;
use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tower::Service;

use super::accept::{Accepted, Acceptor};
use super::connection::{Connection, Context};
use super::connections::Connections;
#[cfg(feature = "tls")]
use super::handshake::Handshakes;
use super::{BoxError, Limits, Server, ShutdownSummary};

/// How long a warning is not repeated.
const WARNING_WINDOW: Duration = Duration::from_secs(60);

pub(super) struct Serving<S> {
    service: S,
    limits: Limits,
    max_connections: usize,
    at_limit: LogThrottle<()>,
    connections: Connections,
    tasks: JoinSet<()>,
    ending: Arc<AtomicBool>,
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
    pub(super) fn new(server: Server<S>) -> Self {
        Self {
            service: server.service,
            limits: server.limits,
            max_connections: server.max_connections,
            at_limit: LogThrottle::new(WARNING_WINDOW, |(), _| {}),
            #[cfg(feature = "tls")]
            handshakes: server
                .tls
                .map(|tls| Arc::new(Handshakes::new(tls, server.connections.clone()))),
            connections: server.connections,
            tasks: JoinSet::new(),
            ending: Arc::default(),
            stop: watch::Sender::new(()),
        }
    }

    /// Accepts connections until `end` completes.
    pub(super) async fn accept_until(
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

    /// From now on each answer is the last of its connection, and who connects
    /// is promised one.
    pub(super) fn drain(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    /// Accepts what waits to be accepted, for which there is room.
    pub(super) fn accept_waiting(&mut self, acceptor: Acceptor) {
        for accepted in acceptor.into_waiting() {
            if !self.has_room() {
                return;
            }
            self.spawn(accepted);
        }
    }

    /// Answers what is in flight, and cuts what is left after `grace`.
    pub(super) async fn end(mut self, grace: Duration) -> ShutdownSummary {
        self.ending.store(true, Ordering::Relaxed);
        // Lets the runtime see what the kernel already holds: a request that
        // has arrived is in flight, though nobody has read it yet.
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
        self.tasks.len() < self.max_connections
    }

    fn spawn(&mut self, (stream, peer): Accepted) {
        let connection = Connection {
            stream,
            context: Context {
                peer,
                limits: self.limits,
                stopped: self.stop.subscribe(),
                is_promised_an_answer: self.ending.load(Ordering::Relaxed),
                ending: Arc::clone(&self.ending),
                _open: self.connections.accepted(),
            },
        };
        self.spawn_connection(connection);
        if !self.has_room() && self.at_limit.allows(()) {
            tracing::warn!(
                max_connections = self.max_connections,
                "too many open connections; new ones wait until one is closed",
            );
        }
    }

    /// Two kinds of tasks: a connection without TLS need not carry the room
    /// for it.
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

/// The panic ended its own connection; here it only leaves a trace.
fn report_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a handler panicked; its connection was closed");
    }
}
