//! [`HeadTimer`]: one limit for a request's head, another for the time between
//! requests.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

/// The timer of one connection.
///
/// hyper has one timeout for both: it starts when it begins to wait for a head,
/// which is when the previous answer is out. A connection kept alive would be
/// closed after it, perhaps exactly when its next request comes. hyper also has
/// no other use for the timer of an HTTP/1 server. So this one does not ask how
/// long hyper wants to wait: it waits for the first byte as long as an idle
/// connection may last, and from there as long as a head may take.
#[derive(Debug)]
pub(super) struct HeadTimer {
    header_read_timeout: Duration,
    idle_timeout: Duration,
    /// Set by the stream whenever bytes arrive.
    received: Arc<AtomicBool>,
    /// Between two heads. `None` before the first.
    kept: Arc<Mutex<Option<Alarm>>>,
}

/// What goes off. It stays with the runtime from one head to the next, where
/// it is only moved on: to take it out and put another in is work under a lock
/// of all connections, twice for each request. Should it go off between two
/// heads, the connection is polled once for nothing.
type Alarm = Pin<Box<tokio::time::Sleep>>;

impl HeadTimer {
    pub(super) fn new(
        header_read_timeout: Duration,
        idle_timeout: Duration,
        received: Arc<AtomicBool>,
    ) -> Self {
        Self {
            header_read_timeout,
            idle_timeout,
            received,
            kept: Arc::default(),
        }
    }

    fn wait_for_head(&self) -> HeadSleep {
        let kept = lock(&self.kept).take();
        let idle = kept.is_some().then(|| {
            self.received.store(false, Ordering::Relaxed);
            Idle {
                received: Arc::clone(&self.received),
                header_read_timeout: self.header_read_timeout,
            }
        });
        let alarm = match kept {
            Some(mut alarm) => {
                set(&mut alarm, self.idle_timeout);
                alarm
            }
            None => Box::pin(tokio::time::sleep(self.header_read_timeout)),
        };
        HeadSleep {
            alarm: Some(alarm),
            idle,
            keep: Arc::clone(&self.kept),
        }
    }
}

fn lock(kept: &Mutex<Option<Alarm>>) -> MutexGuard<'_, Option<Alarm>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

fn set(alarm: &mut Alarm, time: Duration) {
    let now = tokio::time::Instant::now();
    alarm
        .as_mut()
        .reset(now.checked_add(time).unwrap_or_else(|| now + FOR_EVER));
}

/// What a time is taken for that no clock reaches, as tokio does.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

impl Timer for HeadTimer {
    fn sleep(&self, _duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(self.wait_for_head())
    }

    fn sleep_until(&self, _deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(self.wait_for_head())
    }
}

/// hyper polls this after each read that leaves the head incomplete, and drops
/// it when the head is there.
#[derive(Debug)]
struct HeadSleep {
    /// `None` only once it is dropped.
    alarm: Option<Alarm>,
    /// `None` once the head has begun.
    idle: Option<Idle>,
    keep: Arc<Mutex<Option<Alarm>>>,
}

#[derive(Debug)]
struct Idle {
    received: Arc<AtomicBool>,
    header_read_timeout: Duration,
}

impl Sleep for HeadSleep {}

impl Future for HeadSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { alarm, idle, .. } = &mut *self;
        let Some(alarm) = alarm else {
            return Poll::Pending;
        };
        if let Some(begun) = idle.take_if(|idle| idle.received.load(Ordering::Relaxed)) {
            set(alarm, begun.header_read_timeout);
        }
        alarm.as_mut().poll(cx)
    }
}

impl Drop for HeadSleep {
    fn drop(&mut self) {
        *lock(&self.keep) = self.alarm.take();
    }
}
