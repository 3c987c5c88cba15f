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

use crate::acceptor::Acceptor;
use crate::admission::{Admission, Admitted};
use crate::connection::{Connection, Context};
use crate::connections::Connections;
use crate::failure::Failure;
use crate::failure_log::FailureLog;
use crate::last_response::LastResponse;
use crate::limits::{Limits, WARNING_WINDOW};
use crate::listener::Accepted;
use crate::peer::Peer;
use crate::places::{NoPlace, Place};
use crate::shutdown_summary::ShutdownSummary;
#[cfg(feature = "tls")]
use crate::tls::Tls;

pub(crate) struct Serving<S> {
    service: S,
    limits: Limits,
    admission: Arc<Admission>,
    failures: Arc<FailureLog>,
    at_limit: LogThrottle<()>,
    connections: Connections,
    tasks: JoinSet<()>,
    /// Accepted, but waiting for a place. The kernel holds those behind it.
    waiting: Option<(Accepted, Peer)>,
    draining: Arc<AtomicBool>,
    stop: watch::Sender<()>,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

impl<S, B> Serving<S>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    pub(crate) fn new(
        service: S,
        limits: Limits,
        admission: Admission,
        connections: Connections,
    ) -> Self {
        let max_connections = limits.max_connections;
        Self {
            service,
            limits,
            admission: Arc::new(admission),
            failures: Arc::new(FailureLog::new(connections.clone())),
            at_limit: LogThrottle::new(WARNING_WINDOW, move |(), suppressed| {
                tracing::warn!(
                    max_connections,
                    suppressed = suppressed.count,
                    "the limit on open connections was reached again",
                );
            }),
            connections,
            tasks: JoinSet::new(),
            waiting: None,
            draining: Arc::default(),
            stop: watch::Sender::new(()),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn use_tls(&mut self, tls: Tls) {
        self.tls = Some(tls);
    }

    /// Accepts connections until `end` completes.
    pub(crate) async fn accept_until(
        &mut self,
        acceptor: &mut Acceptor,
        end: impl Future<Output = ()>,
    ) {
        let mut end = pin!(end);
        loop {
            let place = async {
                match &self.waiting {
                    Some((_, peer)) => self.admission.places.wait(*peer).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = &mut end => return,
                Some(ended) = self.tasks.join_next() => self.report_panic(ended),
                place = place => self.serve_waiting(place),
                accepted = acceptor.accept(), if self.waiting.is_none() => self.admit(accepted),
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
            if self.waiting.is_some() {
                return;
            }
            self.admit(accepted);
        }
    }

    /// Answers the requests in flight, and cuts the connections that remain
    /// after `grace`.
    pub(crate) async fn stop(mut self, grace: Duration) -> ShutdownSummary {
        self.drain();
        // Lets the runtime see what the kernel already holds: a request that
        // has arrived is in flight, even if it has not been read yet.
        tokio::task::yield_now().await;
        self.stop = watch::Sender::new(());
        let all_ended = async {
            while let Some(ended) = self.tasks.join_next().await {
                self.report_panic(ended);
            }
        };
        // What is left is counted below, and aborted when the set is dropped.
        let _in_time = tokio::time::timeout(grace, all_ended).await;
        let connections_aborted = self.tasks.len();
        self.connections.aborted(connections_aborted);
        ShutdownSummary {
            connections_aborted,
        }
    }

    fn admit(&mut self, accepted: Accepted) {
        self.connections.accepted();
        let peer = accepted.1;
        let peer = if self.admission.is_load_balancer(peer) {
            Peer::Unlimited
        } else if self.admission.allows(peer) {
            Peer::from(peer)
        } else {
            self.failures.record(Failure::NotAllowed, peer, None);
            // Not worth a handshake.
            if !self.has_tls()
                && let Some(admitted) = self.admission.admit_for_refusal()
            {
                self.spawn(accepted, admitted);
            }
            return;
        };
        match self.admission.places.take(peer) {
            Err(NoPlace::Full) => {
                self.waiting = Some((accepted, peer));
                if self.at_limit.allows(()) {
                    tracing::warn!(
                        max_connections = self.limits.max_connections,
                        "the limit on open connections is reached; a new one takes the place of the longest idle one, or waits while none is idle",
                    );
                }
            }
            place => self.serve_in(place, accepted),
        }
    }

    fn serve_waiting(&mut self, place: Result<Place, NoPlace>) {
        if let Some((accepted, _)) = self.waiting.take() {
            self.serve_in(place, accepted);
        }
    }

    fn serve_in(&mut self, place: Result<Place, NoPlace>, accepted: Accepted) {
        match place {
            Ok(place) => self.spawn(accepted, Admitted::To(place)),
            Err(_too_many) => self
                .failures
                .record(Failure::TooManyOfPeer, accepted.1, None),
        }
    }

    fn spawn(&mut self, (stream, peer): Accepted, admitted: Admitted) {
        let connection = Connection {
            stream,
            context: Context {
                peer,
                limits: self.limits,
                stopped: self.stop.subscribe(),
                owes_response: self.draining.load(Ordering::Relaxed),
                last_response: LastResponse {
                    draining: Arc::clone(&self.draining),
                    distrusted: None,
                    is_refused: admitted.is_refused(),
                },
                failures: Arc::clone(&self.failures),
                _open: self.connections.opened(),
            },
            admitted,
        };
        if self.admission.is_load_balancer(peer) {
            self.spawn_behind_load_balancer(connection);
        } else {
            self.spawn_connection(connection);
        }
    }

    fn spawn_behind_load_balancer(&mut self, connection: Connection) {
        let service = self.service.clone();
        let admission = Arc::clone(&self.admission);
        let has_tls = self.has_tls();
        #[cfg(feature = "tls")]
        let tls = self.tls.clone();
        self.tasks.spawn(async move {
            let Some(connection) = connection.read_proxy_header(&admission, !has_tls).await else {
                return;
            };
            #[cfg(feature = "tls")]
            if let Some(tls) = tls {
                return connection.serve_tls(service, tls).await;
            }
            connection.serve(service).await;
        });
    }

    /// Spawns one of two kinds of tasks: a connection without TLS need not
    /// reserve the memory for it.
    fn spawn_connection(&mut self, connection: Connection) {
        let service = self.service.clone();
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            self.tasks.spawn(connection.serve_tls(service, tls.clone()));
            return;
        }
        self.tasks.spawn(connection.serve(service));
    }

    fn has_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    /// Reports a panic, which has ended only its own connection.
    fn report_panic(&self, ended: Result<(), JoinError>) {
        if let Err(error) = ended
            && error.is_panic()
        {
            self.failures.record(Failure::Panicked, None, Some(&error));
        }
    }
}
