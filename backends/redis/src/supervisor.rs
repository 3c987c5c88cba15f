//! [`Supervisor`]: owns the connection, and replaces it when it fails.
//!
//! The driver notices a connection that ends, but not one that falls silent: a
//! middlebox that has lost its state swallows what is sent, or even acknowledges
//! it, and every call times out from then on. So when a call gets no reply, a
//! `PING` on the same connection decides whether the connection is at fault. If
//! so, a new one is made.
//!
//! A connection is made when a call needs it, one at a time, and calls wait for
//! it no longer than for a reply. After an attempt that brought no reply, the
//! next one waits, up to [`MAX_PAUSE`]. Until then calls fail at once, or use what
//! still works.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dcv_resolver_core::StoreError;
use futures_util::future::{BoxFuture, FutureExt, Shared};
use redis::{Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};

use crate::backoff::{MAX_PAUSE, pause_after};
use crate::config::{Origin, RedisConfig};
use crate::connect::Reached;
use crate::connection::RedisConnection;
use crate::error::{aborted, connection_error, is_disconnected, is_replica, timed_out};
use crate::reply::{info_server, run_id};
use crate::topology::Node;

/// The limit on a cluster, whose connection still serves the other nodes, so that
/// a new one is less urgent. The silent node must be served again within 2 s.
const MAX_CLUSTER_PAUSE: Duration = Duration::from_secs(1);
/// After so long without an attempt, a node that falls silent counts as a new
/// fault.
const CLUSTER_CALM: Duration = Duration::from_secs(10);

/// How many response timeouts a command may take if it is one of very many.
const BULK_FACTOR: u32 = 10;

/// Whether a command may be sent again when its reply was lost. The driver of a
/// cluster sends any command again, before the failure is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idempotency {
    Idempotent,
    NonIdempotent,
}

/// Sends commands over one connection, which clones share.
#[derive(Debug, Clone)]
pub(crate) struct Supervisor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    origin: Origin,
    response_timeout: Duration,
    link: Mutex<Link>,
    /// The number of the last attempt to connect.
    last_number: AtomicU64,
    /// The number of the connection that calls use or used last.
    current: watch::Sender<u64>,
}

#[derive(Debug)]
struct Link {
    state: State,
    /// Attempts to connect since a connection had its first reply.
    attempts: u32,
    retry_at: Instant,
}

impl Link {
    /// Delays the next attempt, longer after each.
    fn pause(&mut self, max: Duration) {
        self.retry_at = Instant::now() + pause_after(self.attempts).min(max);
        self.attempts = self.attempts.saturating_add(1);
    }

    fn is_paused(&self) -> bool {
        Instant::now() < self.retry_at
    }

    fn is_up_with(&self, live: &Arc<Live>) -> bool {
        matches!(&self.state, State::Up(current) if Arc::ptr_eq(current, live))
    }
}

#[derive(Debug)]
enum State {
    Down(Option<RedisError>),
    Connecting(Attempt),
    Up(Arc<Live>),
}

type Attempt = Shared<BoxFuture<'static, RedisResult<Arc<Live>>>>;

#[derive(Debug)]
struct Live {
    number: u64,
    connection: RedisConnection,
    /// The server that it leads to, unless these are several.
    node: Option<Node>,
    made_at: Instant,
    has_replied: AtomicBool,
    /// Whether a `PING` is under way to test it.
    is_being_tested: AtomicBool,
}

/// Why a command has no reply.
struct Failure {
    error: RedisError,
    /// Whether the connection is at fault, so that another one may serve.
    is_lost: bool,
}

impl Supervisor {
    pub(crate) fn new(config: &RedisConfig) -> Self {
        Self(Arc::new(Inner {
            origin: config.origin.clone(),
            response_timeout: config.response_timeout,
            link: Mutex::new(Link {
                state: State::Down(None),
                attempts: 0,
                retry_at: Instant::now(),
            }),
            last_number: AtomicU64::new(0),
            current: watch::Sender::new(0),
        }))
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// Returns the deadline of a call that starts now.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.0.response_timeout
    }

    /// Returns the deadline of a command that starts now and is one of very many,
    /// which wait for each other.
    pub(crate) fn bulk_deadline(&self) -> Instant {
        Instant::now() + self.0.response_timeout * BULK_FACTOR
    }

    /// Sends `command`, to the master of `slot` if one is given, and waits for
    /// the reply until `deadline`.
    ///
    /// An idempotent command is sent again if the connection ends meanwhile, as
    /// an idle one does when the server restarts.
    pub(crate) async fn send(
        &self,
        command: &Cmd,
        slot: Option<u16>,
        idempotency: Idempotency,
        deadline: Instant,
    ) -> RedisResult<Value> {
        match self.send_once(command, slot, deadline).await {
            Err(Failure {
                error,
                is_lost: true,
            }) if idempotency == Idempotency::Idempotent || is_replica(&error) => self
                .send_once(command, slot, deadline)
                .await
                .map_err(|failure| failure.error),
            reply => reply.map_err(|failure| failure.error),
        }
    }

    /// Returns whether the keys are spread over several masters.
    pub(crate) async fn is_cluster(&self, deadline: Instant) -> RedisResult<bool> {
        Ok(self.0.connection(deadline).await?.is_cluster())
    }

    /// Returns the run id of the process that serves `slot`, or of the one
    /// server.
    pub(crate) async fn run_id(
        &self,
        slot: Option<u16>,
        deadline: Instant,
    ) -> Result<String, StoreError> {
        let reply = self
            .send(&info_server(), slot, Idempotency::Idempotent, deadline)
            .await
            .map_err(connection_error)?;
        run_id(reply)
    }

    /// Watches the number of the connection that calls use or used last.
    pub(crate) fn current(&self) -> watch::Receiver<u64> {
        self.0.current.subscribe()
    }

    /// Returns the number of the connection that calls use, and the server that
    /// it leads to, unless these are several.
    pub(crate) async fn reached(&self, deadline: Instant) -> RedisResult<(u64, Option<Node>)> {
        let live = self.0.connection(deadline).await?;
        Ok((live.number, live.node.clone()))
    }

    /// Replaces a connection that leads to the wrong server, as one that refuses
    /// a write does.
    pub(crate) async fn abandon(&self, number: u64) {
        let live = match &self.0.link().state {
            State::Up(live) if live.number == number => Arc::clone(live),
            _ => return,
        };
        if !live.is_cluster() {
            let error = ErrorKind::Server(ServerErrorKind::ReadOnly);
            let error = (error, "the connection leads to the wrong server").into();
            self.0.replace(&live, &error);
        } else if !self.0.link().is_paused() {
            self.0.renew_cluster(&live).await;
        }
    }

    async fn send_once(
        &self,
        command: &Cmd,
        slot: Option<u16>,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        let live = self.0.connection(deadline).await.map_err(|error| Failure {
            error,
            is_lost: false,
        })?;
        let mut pending = PendingReply {
            inner: &self.0,
            live: &live,
            has_reply: false,
        };
        match timeout_at(deadline, live.send(command, slot)).await {
            Ok(Ok(value)) => {
                pending.has_reply = true;
                self.0.note_reply(&live);
                Ok(value)
            }
            Ok(Err(error)) => {
                let is_lost = self.0.is_lost(&error);
                // A cluster's connection may still serve the other nodes.
                pending.has_reply = !(error.is_timeout() || is_lost && live.is_cluster());
                if !is_lost && !error.is_timeout() {
                    self.0.note_reply(&live);
                }
                if is_lost && !live.is_cluster() {
                    self.0.replace(&live, &error);
                }
                Err(Failure { error, is_lost })
            }
            Err(_) => Err(Failure {
                error: timed_out(),
                is_lost: false,
            }),
        }
    }
}

impl Inner {
    fn link(&self) -> MutexGuard<'_, Link> {
        // Every change is one assignment, so what a panic leaves is consistent.
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_lost(&self, error: &RedisError) -> bool {
        is_disconnected(error) || (self.origin.is_ours() && is_replica(error))
    }

    fn note_reply(&self, live: &Live) {
        if live.has_replied.load(Ordering::Relaxed)
            || live.has_replied.swap(true, Ordering::Relaxed)
        {
            return;
        }
        tracing::info!("connected to Redis at {}", self.origin);
        let mut link = self.link();
        link.attempts = 0;
        link.retry_at = Instant::now();
    }

    /// Returns the connection, or waits for the next one until `deadline`.
    async fn connection(self: &Arc<Self>, deadline: Instant) -> RedisResult<Arc<Live>> {
        let (attempt, ending) = {
            let mut link = self.link();
            match &link.state {
                State::Up(live) => return Ok(Arc::clone(live)),
                State::Connecting(attempt) => (attempt.clone(), None),
                State::Down(Some(error)) if link.is_paused() => return Err(error.clone()),
                State::Down(_) => {
                    let (attempt, ending) = self.prepare_attempt(&mut link);
                    (attempt, Some(ending))
                }
            }
        };
        if let Some(ending) = ending {
            ending.spawn();
        }
        timeout_at(deadline, attempt)
            .await
            .unwrap_or_else(|_| Err(timed_out()))
    }

    /// Prepares an attempt to connect, which the caller starts once `link` is
    /// unlocked: a runtime that is shutting down drops a new task at once, and
    /// the end of an attempt locks `link`.
    fn prepare_attempt(self: &Arc<Self>, link: &mut Link) -> (Attempt, Ending) {
        let (outcome, ended) = oneshot::channel();
        let attempt = ended
            .map(|result| result.unwrap_or_else(|_| Err(aborted())))
            .boxed()
            .shared();
        link.state = State::Connecting(attempt.clone());
        let ending = Ending {
            inner: Arc::clone(self),
            result: Err(aborted()),
            outcome: Some(outcome),
        };
        (attempt, ending)
    }

    async fn connect(&self) -> RedisResult<Arc<Live>> {
        let Reached { connection, node } = match &self.origin {
            Origin::Servers(servers) => servers.connect(self.response_timeout).await?,
            Origin::Given(connection) => Reached {
                connection: connection.clone(),
                node: None,
            },
        };
        Ok(Arc::new(Live {
            number: self.last_number.fetch_add(1, Ordering::Relaxed) + 1,
            connection,
            node,
            made_at: Instant::now(),
            has_replied: AtomicBool::new(false),
            is_being_tested: AtomicBool::new(false),
        }))
    }

    fn switch_to(&self, link: &mut Link, live: &Arc<Live>) {
        link.state = State::Up(Arc::clone(live));
        self.current.send_replace(live.number);
    }

    fn finish_attempt(&self, result: &RedisResult<Arc<Live>>) {
        let mut link = self.link();
        match result {
            Ok(live) => self.switch_to(&mut link, live),
            Err(error) => {
                if link.attempts == 0 {
                    let error = connection_error(error.clone());
                    let error = error.chain();
                    tracing::warn!(%error, "cannot connect to Redis at {}; retrying", self.origin);
                }
                link.state = State::Down(Some(error.clone()));
            }
        }
        link.pause(MAX_PAUSE);
    }

    /// Replaces `live` because of `error`, unless it was replaced already: now, or
    /// when the pause is over and a call needs a connection.
    fn replace(self: &Arc<Self>, live: &Arc<Live>, error: &RedisError) {
        if !self.origin.is_ours() {
            return;
        }
        let ending = {
            let mut link = self.link();
            if !link.is_up_with(live) {
                return;
            }
            // A replica still answers lookups, and another attempt may lead to
            // it again.
            if is_replica(error) && live.made_at.elapsed() < MAX_PAUSE {
                return;
            }
            if link.attempts <= 1 {
                tracing::warn!("lost the connection to Redis at {}", self.origin);
            }
            if link.is_paused() {
                link.state = State::Down(Some(error.clone()));
                return;
            }
            self.prepare_attempt(&mut link).1
        };
        ending.spawn();
    }

    /// Tests whether the connection still works, and replaces it if not.
    async fn test(self: Arc<Self>, test: ConnectionTest) {
        let live = &test.0;
        if live.is_cluster() && self.link().is_paused() {
            return;
        }
        // On a cluster it goes to every master.
        let ping = redis::cmd("PING");
        let reply = timeout(self.response_timeout / 2, live.connection.send(&ping)).await;
        let error = match reply {
            Ok(Ok(_)) => return,
            // An error reply is a reply too.
            Ok(Err(error)) if error.code().is_some() => return,
            Ok(Err(error)) => error,
            Err(_) => timed_out(),
        };
        if live.is_cluster() {
            self.renew_cluster(live).await;
        } else {
            self.replace(live, &error);
        }
    }

    /// Makes a new connection. Until then `live` serves the other nodes.
    async fn renew_cluster(&self, live: &Arc<Live>) {
        let better = self.connect().await;
        let mut link = self.link();
        if link.retry_at.elapsed() > CLUSTER_CALM {
            link.attempts = 0;
        }
        if link.attempts == 0 {
            tracing::warn!(
                "a node of {} does not answer; connecting again",
                self.origin
            );
        }
        link.pause(MAX_CLUSTER_PAUSE);
        if let Ok(better) = better
            && link.is_up_with(live)
        {
            better.has_replied.store(true, Ordering::Relaxed);
            self.switch_to(&mut link, &better);
        }
    }
}

impl Live {
    async fn send(&self, command: &Cmd, slot: Option<u16>) -> RedisResult<Value> {
        match slot {
            None => self.connection.send(command).await,
            Some(slot) => self.connection.send_to_slot(command, slot).await,
        }
    }

    fn is_cluster(&self) -> bool {
        self.connection.is_cluster()
    }
}

/// A command that waits for its reply. When it is dropped without one, because
/// the call or its caller timed out, the connection is tested.
struct PendingReply<'a> {
    inner: &'a Arc<Inner>,
    live: &'a Arc<Live>,
    has_reply: bool,
}

impl Drop for PendingReply<'_> {
    fn drop(&mut self) {
        // A given connection is not replaced, so it need not be tested.
        if self.has_reply || !self.inner.origin.is_ours() {
            return;
        }
        // Without a runtime the connection has ended, too.
        if let (Ok(runtime), Some(test)) = (Handle::try_current(), ConnectionTest::begin(self.live))
        {
            runtime.spawn(Arc::clone(self.inner).test(test));
        }
    }
}

/// Marks a connection as being tested until it is dropped, which a runtime that
/// is shutting down may do before the test has begun.
struct ConnectionTest(Arc<Live>);

impl ConnectionTest {
    /// Returns `None` while another test is under way.
    fn begin(live: &Arc<Live>) -> Option<Self> {
        let is_first = !live.is_being_tested.swap(true, Ordering::Relaxed);
        is_first.then(|| Self(Arc::clone(live)))
    }
}

impl Drop for ConnectionTest {
    fn drop(&mut self) {
        self.0.is_being_tested.store(false, Ordering::Relaxed);
    }
}

/// Ends an attempt, also when its runtime is shut down.
struct Ending {
    inner: Arc<Inner>,
    result: RedisResult<Arc<Live>>,
    /// Wakes the calls that wait for the attempt.
    outcome: Option<oneshot::Sender<RedisResult<Arc<Live>>>>,
}

impl Ending {
    /// Connects in a task of its own, so that a caller that gives up does not end
    /// it for the others.
    fn spawn(mut self) {
        tokio::spawn(async move {
            self.result = self.inner.connect().await;
            drop(self);
        });
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.inner.finish_attempt(&self.result);
        if let Some(outcome) = self.outcome.take() {
            // An error means that no call waits.
            let _ = outcome.send(self.result.clone());
        }
    }
}
