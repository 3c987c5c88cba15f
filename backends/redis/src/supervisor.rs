//! [`Supervisor`]: owns the connection, and replaces it when it has gone bad.
//!
//! The driver leaves a connection that ends, but not one that falls silent: a
//! middlebox that has lost its state swallows what is sent, acknowledges it
//! even, and every call times out from then on. So whenever a call goes
//! without an answer, a `PING` on the same connection decides whether the
//! connection is at fault; and if so, a new one is made.
//!
//! A connection is made when a call needs it, never more than one at a time,
//! and calls wait for it no longer than for an answer. After an attempt that
//! no answer came of, the next one waits, up to [`MAX_PAUSE`]; calls until
//! then fail at once, or use what still serves.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dcv_resolver_core::StoreError;
use futures_util::future::{BoxFuture, FutureExt, Shared};
use redis::{Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};

use crate::answer::{ask_run_id, run_id};
use crate::config::{Origin, RedisConfig};
use crate::connect::Reached;
use crate::connection::RedisConnection;
use crate::error::{aborted, connection_error, is_disconnected, is_replica, timed_out};
use crate::topology::Node;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Half of the second within which a call must be served again, once the
/// server can be reached.
pub(crate) const MAX_PAUSE: Duration = Duration::from_millis(500);
/// A cluster's connection serves on while a node is silent, so that a new one
/// is less urgent; but the node must be served again within 2 s.
const MAX_CLUSTER_PAUSE: Duration = Duration::from_secs(1);
/// After so long without an attempt, a node that falls silent does so anew.
const CLUSTER_CALM: Duration = Duration::from_secs(10);

/// How many response timeouts a command may take that is one of very many.
const BULK_FACTOR: u32 = 10;

/// Whether a command may be sent once more when its answer was lost. A
/// cluster's driver does so with writes, too, before the answer comes here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Read,
    Write,
}

/// Cheap to clone; clones share the connection.
#[derive(Debug, Clone)]
pub(crate) struct Supervisor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    origin: Origin,
    response_timeout: Duration,
    link: Mutex<Link>,
    /// The number of the last connection that there was an attempt to make.
    last_number: AtomicU64,
    /// The number of the connection that calls use, or used last.
    current: watch::Sender<u64>,
}

#[derive(Debug)]
struct Link {
    state: State,
    /// Attempts to connect since a connection had its first answer.
    attempts: u32,
    retry_at: Instant,
}

impl Link {
    /// Has the next attempt wait, the longer the more there have been.
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

/// How long the next attempt waits when so many have come to nothing before.
pub(crate) fn pause_after(attempts: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(attempts))
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
    /// Where it leads to, unless that is many servers.
    node: Option<Node>,
    made_at: Instant,
    has_answered: AtomicBool,
    /// Whether a `PING` is under way to find out about it.
    under_examination: AtomicBool,
}

/// Why a command has no answer.
struct Failure {
    error: RedisError,
    /// Whether the connection is at fault, and another one may serve.
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

    /// When a call that starts now gives up.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.0.response_timeout
    }

    /// When a command that starts now gives up, being one of very many: they
    /// wait for one another, and nobody's connection waits for them.
    pub(crate) fn bulk_deadline(&self) -> Instant {
        Instant::now() + self.0.response_timeout * BULK_FACTOR
    }

    /// Sends `command`, to the master of `slot` if one is given, and waits for
    /// the answer until `deadline`.
    ///
    /// A connection that ends meanwhile, as an idle one does when the server
    /// restarts, costs a read nothing: it is sent once more.
    pub(crate) async fn send(
        &self,
        command: &Cmd,
        slot: Option<u16>,
        usage: Use,
        deadline: Instant,
    ) -> RedisResult<Value> {
        match self.send_once(command, slot, deadline).await {
            Err(Failure {
                error,
                is_lost: true,
            }) if usage == Use::Read || is_replica(&error) => self
                .send_once(command, slot, deadline)
                .await
                .map_err(|failure| failure.error),
            answer => answer.map_err(|failure| failure.error),
        }
    }

    /// Whether the keys are spread over several masters.
    pub(crate) async fn is_cluster(&self, deadline: Instant) -> RedisResult<bool> {
        Ok(self.0.connection(deadline).await?.is_cluster())
    }

    /// What the run of the process is called that serves `slot`, or that is the
    /// one server.
    pub(crate) async fn run_id(
        &self,
        slot: Option<u16>,
        deadline: Instant,
    ) -> Result<String, StoreError> {
        let answer = self
            .send(&ask_run_id(), slot, Use::Read, deadline)
            .await
            .map_err(connection_error)?;
        run_id(answer)
    }

    /// The number of the connection that calls use, or used last; and when it
    /// is another.
    pub(crate) fn current(&self) -> watch::Receiver<u64> {
        self.0.current.subscribe()
    }

    /// The number of the connection that calls use, and the server that it
    /// leads to, unless that is many.
    pub(crate) async fn reached(&self, deadline: Instant) -> RedisResult<(u64, Option<Node>)> {
        let live = self.0.connection(deadline).await?;
        Ok((live.number, live.node.clone()))
    }

    /// Gives a connection up that leads to a server that is not, or no longer,
    /// the one to ask: as one that refuses a write.
    pub(crate) async fn leave(&self, number: u64) {
        let live = match &self.0.link().state {
            State::Up(live) if live.number == number => Arc::clone(live),
            _ => return,
        };
        if !live.is_cluster() {
            let error = ErrorKind::Server(ServerErrorKind::ReadOnly);
            let error = (error, "another server is the one to ask").into();
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
        let mut unanswered = Unanswered {
            inner: &self.0,
            live: &live,
            is_answered: false,
        };
        match timeout_at(deadline, live.send(command, slot)).await {
            Ok(Ok(value)) => {
                unanswered.is_answered = true;
                self.0.answered(&live);
                Ok(value)
            }
            Ok(Err(error)) => {
                let is_lost = self.0.is_lost(&error);
                // A cluster's connection may still serve the other nodes.
                unanswered.is_answered = !(error.is_timeout() || is_lost && live.is_cluster());
                if !is_lost && !error.is_timeout() {
                    self.0.answered(&live);
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
        // Every change is one assignment, so what a panic leaves is whole.
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_lost(&self, error: &RedisError) -> bool {
        is_disconnected(error) || (self.origin.is_ours() && is_replica(error))
    }

    fn answered(&self, live: &Live) {
        if live.has_answered.load(Ordering::Relaxed)
            || live.has_answered.swap(true, Ordering::Relaxed)
        {
            return;
        }
        tracing::info!("connected to Redis at {}", self.origin);
        let mut link = self.link();
        link.attempts = 0;
        link.retry_at = Instant::now();
    }

    /// The connection: the one there is, or the next one, if there is one
    /// before `deadline`.
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

    /// An attempt to connect, which the caller starts once `link` is unlocked:
    /// a runtime that is shutting down drops what it is given at once, and the
    /// end of an attempt locks it.
    fn prepare_attempt(self: &Arc<Self>, link: &mut Link) -> (Attempt, Ending) {
        let (outcome, told) = oneshot::channel();
        let attempt = told
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
            has_answered: AtomicBool::new(false),
            under_examination: AtomicBool::new(false),
        }))
    }

    fn use_from_now_on(&self, link: &mut Link, live: &Arc<Live>) {
        link.state = State::Up(Arc::clone(live));
        self.current.send_replace(live.number);
    }

    fn finish_attempt(&self, result: &RedisResult<Arc<Live>>) {
        let mut link = self.link();
        match result {
            Ok(live) => self.use_from_now_on(&mut link, live),
            Err(error) => {
                if link.attempts == 0 {
                    let error = connection_error(error.clone());
                    let error = error.chain();
                    tracing::warn!(%error, "cannot connect to Redis at {}; trying on", self.origin);
                }
                link.state = State::Down(Some(error.clone()));
            }
        }
        link.pause(MAX_PAUSE);
    }

    /// Gives `live` up for `error`, unless it was already, and connects anew:
    /// now, or when the pause is over and a call needs it.
    fn replace(self: &Arc<Self>, live: &Arc<Live>, error: &RedisError) {
        if !self.origin.is_ours() {
            return;
        }
        let ending = {
            let mut link = self.link();
            if !link.is_up_with(live) {
                return;
            }
            // A replica reads on. That it answers does not make another
            // attempt promising.
            if is_replica(error) && live.made_at.elapsed() < MAX_PAUSE {
                return;
            }
            if link.attempts <= 1 {
                tracing::warn!("the connection to Redis at {} is lost", self.origin);
            }
            if link.is_paused() {
                link.state = State::Down(Some(error.clone()));
                return;
            }
            self.prepare_attempt(&mut link).1
        };
        ending.spawn();
    }

    /// Finds out whether `live` still works, and replaces it if not.
    async fn examine(self: Arc<Self>, examination: Examination) {
        let live = &examination.0;
        if live.is_cluster() && self.link().is_paused() {
            return;
        }
        // On a cluster it goes to every master.
        let ping = redis::cmd("PING");
        let answer = timeout(self.response_timeout / 2, live.connection.send(&ping)).await;
        let error = match answer {
            Ok(Ok(_)) => return,
            // An error in words of the server's is an answer too.
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

    /// Until there is a better one, `live` serves the nodes that are well.
    async fn renew_cluster(&self, live: &Arc<Live>) {
        let better = self.connect().await;
        let mut link = self.link();
        if link.retry_at.elapsed() > CLUSTER_CALM {
            link.attempts = 0;
        }
        if link.attempts == 0 {
            tracing::warn!(
                "a node of {} has fallen silent; connecting anew",
                self.origin
            );
        }
        link.pause(MAX_CLUSTER_PAUSE);
        if let Ok(better) = better
            && link.is_up_with(live)
        {
            better.has_answered.store(true, Ordering::Relaxed);
            self.use_from_now_on(&mut link, &better);
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

/// A command that waits for its answer. Dropped without one, because time ran
/// out here or at the caller's, it has the connection examined.
struct Unanswered<'a> {
    inner: &'a Arc<Inner>,
    live: &'a Arc<Live>,
    is_answered: bool,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        // Somebody else's connection is not replaced, whatever came out.
        if self.is_answered || !self.inner.origin.is_ours() {
            return;
        }
        // Without a runtime the connection is gone, too.
        if let (Ok(runtime), Some(examination)) =
            (Handle::try_current(), Examination::begin(self.live))
        {
            runtime.spawn(Arc::clone(self.inner).examine(examination));
        }
    }
}

/// That a connection is being examined, until this is dropped: by a runtime
/// that is shutting down, perhaps before the examination has begun.
struct Examination(Arc<Live>);

impl Examination {
    /// None while another one is under way.
    fn begin(live: &Arc<Live>) -> Option<Self> {
        let is_first = !live.under_examination.swap(true, Ordering::Relaxed);
        is_first.then(|| Self(Arc::clone(live)))
    }
}

impl Drop for Examination {
    fn drop(&mut self) {
        self.0.under_examination.store(false, Ordering::Relaxed);
    }
}

/// The end of an attempt, be it that its runtime is shut down.
struct Ending {
    inner: Arc<Inner>,
    result: RedisResult<Arc<Live>>,
    /// Tells those who wait for the attempt.
    outcome: Option<oneshot::Sender<RedisResult<Arc<Live>>>>,
}

impl Ending {
    /// Connects in a task of its own, so that no caller who gives up ends it
    /// for the others.
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
            // An error means that nobody waits.
            let _ = outcome.send(self.result.clone());
        }
    }
}
