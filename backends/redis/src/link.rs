//! [`Link`]: makes the connection, and replaces it when it fails.
//!
//! A connection is made when a call needs it, one at a time, and calls wait for
//! it no longer than for a reply. After an attempt that brought no reply, the
//! next one waits, up to [`MAX_PAUSE`]. Until then calls fail at once, or use what
//! still works.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt, Shared};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout};

use crate::backoff::{MAX_PAUSE, pause_after};
use crate::connect::Reached;
use crate::deadline::Deadline;
use crate::failure::Failure;
use crate::live::{ConnectionTest, Live};
use crate::origin::Origin;
use crate::outage_log::OutageLog;

/// The limit on a cluster, whose connection still serves the other nodes, so that
/// a new one is less urgent. The silent node must be served again within 2 s.
const MAX_CLUSTER_PAUSE: Duration = Duration::from_secs(1);
/// After so long without an attempt, a node that falls silent counts as a new
/// fault.
const CLUSTER_CALM: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) origin: Origin,
    pub(crate) response_timeout: Duration,
    attempts: Mutex<Attempts>,
    /// The number of the last connection that was made.
    last_number: AtomicU64,
    /// The number of the connection that calls use or used last.
    pub(crate) current: watch::Sender<u64>,
    log: OutageLog,
}

#[derive(Debug)]
struct Attempts {
    state: State,
    /// Attempts to connect since a connection had its first reply.
    count: u32,
    retry_at: Instant,
}

#[derive(Debug)]
enum State {
    Down(Option<Failure>),
    Connecting(Attempt),
    Up(Arc<Live>),
}

type Attempt = Shared<BoxFuture<'static, Result<Arc<Live>, Failure>>>;

impl Attempts {
    /// Delays the next attempt, longer after each.
    fn pause(&mut self, max: Duration) {
        self.retry_at = Instant::now() + pause_after(self.count).min(max);
        self.count = self.count.saturating_add(1);
    }

    fn is_paused(&self) -> bool {
        Instant::now() < self.retry_at
    }

    fn is_up_with(&self, live: &Arc<Live>) -> bool {
        matches!(&self.state, State::Up(current) if Arc::ptr_eq(current, live))
    }
}

impl Link {
    pub(crate) fn new(origin: Origin, response_timeout: Duration) -> Self {
        Self {
            origin,
            response_timeout,
            attempts: Mutex::new(Attempts {
                state: State::Down(None),
                count: 0,
                retry_at: Instant::now(),
            }),
            last_number: AtomicU64::new(0),
            current: watch::Sender::new(0),
            log: OutageLog::new(),
        }
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        // Every change is one assignment, so what a panic leaves is consistent.
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is a connection, as far as is known.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.attempts().state, State::Up(_))
    }

    /// Whether the connection is at fault, so that another one may serve.
    pub(crate) fn is_lost(&self, failure: &Failure) -> bool {
        failure.is_disconnected() || (self.origin.is_ours() && failure.is_replica())
    }

    pub(crate) fn note_reply(&self, live: &Live) {
        if live.has_replied.load(Ordering::Relaxed)
            || live.has_replied.swap(true, Ordering::Relaxed)
        {
            return;
        }
        self.log.replied(&self.origin);
        let mut attempts = self.attempts();
        attempts.count = 0;
        attempts.retry_at = Instant::now();
    }

    /// Returns the connection, or waits for the next one until `deadline`.
    pub(crate) async fn connection(
        self: &Arc<Self>,
        deadline: Deadline,
    ) -> Result<Arc<Live>, Failure> {
        let (attempt, ending) = {
            let mut attempts = self.attempts();
            match &attempts.state {
                State::Up(live) => return Ok(Arc::clone(live)),
                State::Connecting(attempt) => (attempt.clone(), None),
                State::Down(Some(failure)) if attempts.is_paused() => return Err(failure.clone()),
                State::Down(_) => {
                    let (attempt, ending) = self.prepare_attempt(&mut attempts);
                    (attempt, Some(ending))
                }
            }
        };
        if let Some(ending) = ending {
            ending.spawn();
        }
        deadline
            .limit("no connection yet, although one is being made,", attempt)
            .await
    }

    /// Prepares an attempt to connect, which the caller starts once `attempts` is
    /// unlocked: a runtime that is shutting down drops a new task at once, and
    /// the end of an attempt locks `attempts`.
    fn prepare_attempt(self: &Arc<Self>, attempts: &mut Attempts) -> (Attempt, Ending) {
        let (outcome, ended) = oneshot::channel();
        let attempt = ended
            .map(|result| result.unwrap_or_else(|_| Err(Failure::aborted())))
            .boxed()
            .shared();
        attempts.state = State::Connecting(attempt.clone());
        let ending = Ending {
            link: Arc::clone(self),
            result: Err(Failure::aborted()),
            outcome: Some(outcome),
        };
        (attempt, ending)
    }

    async fn connect(&self) -> Result<Arc<Live>, Failure> {
        let Reached {
            connection,
            endpoint,
        } = match &self.origin {
            Origin::Servers(servers) => servers.connect(self.response_timeout).await?,
            Origin::Given(connection) => Reached {
                connection: connection.clone(),
                endpoint: None,
            },
        };
        let number = self.last_number.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Arc::new(Live::new(number, connection, endpoint)))
    }

    fn switch_to(&self, attempts: &mut Attempts, live: &Arc<Live>) {
        attempts.state = State::Up(Arc::clone(live));
        self.current.send_replace(live.number);
    }

    fn finish_attempt(&self, result: &Result<Arc<Live>, Failure>) {
        {
            let mut attempts = self.attempts();
            match result {
                Ok(live) => self.switch_to(&mut attempts, live),
                Err(failure) => attempts.state = State::Down(Some(failure.clone())),
            }
            attempts.pause(MAX_PAUSE);
        }
        if let Err(failure) = result {
            self.log.failed(&self.origin, failure);
        }
    }

    /// Replaces `live` because of `failure`, unless it was replaced already: now,
    /// or when the pause is over and a call needs a connection.
    pub(crate) fn replace(self: &Arc<Self>, live: &Arc<Live>, failure: &Failure) {
        if !self.origin.is_ours() {
            return;
        }
        let ending = {
            let mut attempts = self.attempts();
            if !attempts.is_up_with(live) {
                return;
            }
            // A replica still answers lookups, and another attempt may lead to
            // it again.
            if failure.is_replica() && live.made_at.elapsed() < MAX_PAUSE {
                return;
            }
            if attempts.is_paused() {
                attempts.state = State::Down(Some(failure.clone()));
                None
            } else {
                Some(self.prepare_attempt(&mut attempts).1)
            }
        };
        if let Some(ending) = ending {
            ending.spawn();
        }
        // What has worked may work again at once.
        if !live.has_replied.load(Ordering::Relaxed) {
            self.log.failed(&self.origin, failure);
        }
    }

    /// Replaces the connection of this number, which leads to the wrong server, as
    /// one that refuses a write does.
    pub(crate) async fn abandon(self: &Arc<Self>, number: u64) {
        let live = match &self.attempts().state {
            State::Up(live) if live.number == number => Arc::clone(live),
            _ => return,
        };
        if !live.is_cluster() {
            self.replace(&live, &Failure::wrong_server());
        } else if !self.attempts().is_paused() {
            self.renew_cluster(&live).await;
        }
    }

    /// Tests whether the connection still works, and replaces it if not.
    pub(crate) async fn test(self: Arc<Self>, test: ConnectionTest) {
        let live = test.live();
        if live.is_cluster() && self.attempts().is_paused() {
            return;
        }
        // On a cluster it goes to every master.
        let ping = redis::cmd("PING");
        let reply = timeout(self.response_timeout / 2, live.connection.send(&ping)).await;
        let failure = match reply {
            Ok(Ok(_)) => return self.note_reply(live),
            // An error reply is a reply too.
            Ok(Err(failure)) if failure.code().is_some() => return self.note_reply(live),
            Ok(Err(failure)) => failure,
            Err(_) => Failure::timed_out("the connection has fallen silent"),
        };
        if live.is_cluster() {
            self.renew_cluster(live).await;
        } else {
            self.replace(live, &failure);
        }
    }

    /// Makes a new connection. Until then `live` serves the other nodes; it is
    /// given up if there are none.
    async fn renew_cluster(&self, live: &Arc<Live>) {
        let better = self.connect().await;
        let is_of_use = better.is_ok() || self.reaches_any_node(live).await;
        {
            let mut attempts = self.attempts();
            if attempts.retry_at.elapsed() > CLUSTER_CALM {
                attempts.count = 0;
            }
            if attempts.count == 0 && is_of_use {
                tracing::warn!(
                    "a node of {} does not answer; connecting again",
                    self.origin
                );
            }
            attempts.pause(MAX_CLUSTER_PAUSE);
            if attempts.is_up_with(live) {
                match &better {
                    Ok(better) => {
                        better.has_replied.store(true, Ordering::Relaxed);
                        self.switch_to(&mut attempts, better);
                    }
                    // The driver connects again and again as long as there is
                    // a connection to the cluster.
                    Err(failure) if !is_of_use => {
                        attempts.state = State::Down(Some(failure.clone()));
                    }
                    Err(_) => {}
                }
            }
        }
        match &better {
            Err(failure) if !is_of_use => self.log.failed(&self.origin, failure),
            // The first command may have met a node that is down, and the new
            // connection counts as one that has replied.
            _ => self.log.replied(&self.origin),
        }
    }

    async fn reaches_any_node(&self, live: &Live) -> bool {
        let ping = redis::cmd("PING");
        let reply = live.connection.send_to_any(&ping);
        match timeout(self.response_timeout / 2, reply).await {
            Ok(Ok(_)) => true,
            Ok(Err(failure)) => failure.code().is_some(),
            Err(_) => false,
        }
    }
}

/// Ends an attempt, also when its runtime is shut down.
struct Ending {
    link: Arc<Link>,
    result: Result<Arc<Live>, Failure>,
    /// Wakes the calls that wait for the attempt.
    outcome: Option<oneshot::Sender<Result<Arc<Live>, Failure>>>,
}

impl Ending {
    /// Connects in a task of its own, so that a caller that gives up does not end
    /// it for the others.
    fn spawn(mut self) {
        tokio::spawn(async move {
            self.result = self.link.connect().await;
            drop(self);
        });
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.link.finish_attempt(&self.result);
        if let Some(outcome) = self.outcome.take() {
            // An error means that no call waits.
            let _ = outcome.send(self.result.clone());
        }
    }
}
