//! [`HeadTimer`]: one timeout for a request's head, another for the time between
//! requests.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use tokio::time::{Instant as TokioInstant, sleep};

use crate::activity::Activity;

/// The timer that one connection gives to hyper.
///
/// hyper has one timeout for both: it starts when hyper begins to wait for a
/// head, which is when the previous response is sent. It would close a
/// keep-alive connection that idles, perhaps just when the next request comes.
/// A timeout in the stream could not do better, since the stream does not see
/// where heads begin and end. hyper does, and an HTTP/1 server uses its timer
/// for nothing else. So this timer ignores the duration that hyper asks for: it
/// waits for the first byte as long as a connection may idle, and from there as
/// long as a head may take.
#[derive(Debug)]
pub(crate) struct HeadTimer {
    header_read_timeout: Duration,
    idle_timeout: Duration,
    activity: Arc<Activity>,
    is_first: AtomicBool,
    alarm: Arc<Alarm>,
}

/// The timer that wakes the connection. It stays registered with the runtime
/// from one head to the next and is only reset: removing a timer and adding
/// another would take the lock of all timers twice for each request. If it
/// fires between two heads, the connection is polled once for nothing.
#[derive(Debug)]
struct Alarm(Mutex<Pin<Box<tokio::time::Sleep>>>);

impl Alarm {
    fn new(timeout: Duration) -> Self {
        Self(Mutex::new(Box::pin(sleep(timeout))))
    }

    fn set(&self, now: TokioInstant, timeout: Duration) {
        // A deadline that overflows is never reached; tokio's own `sleep` does
        // the same.
        let deadline = now.checked_add(timeout).unwrap_or_else(|| now + FAR_FUTURE);
        self.lock().as_mut().reset(deadline);
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.lock().as_mut().poll(cx)
    }

    fn lock(&self) -> MutexGuard<'_, Pin<Box<tokio::time::Sleep>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const FAR_FUTURE: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

impl HeadTimer {
    pub(crate) fn new(
        header_read_timeout: Duration,
        idle_timeout: Duration,
        activity: Arc<Activity>,
    ) -> Self {
        Self {
            header_read_timeout,
            idle_timeout,
            activity,
            is_first: AtomicBool::new(true),
            alarm: Arc::new(Alarm::new(header_read_timeout)),
        }
    }

    fn wait_for_head(&self, now: Instant) -> Pin<Box<dyn Sleep>> {
        // A new connection is expected to send a request at once.
        let has_begun = self.is_first.swap(false, Ordering::Relaxed);
        let timeout = if has_begun {
            self.header_read_timeout
        } else {
            self.activity.begin_wait(now);
            self.idle_timeout
        };
        self.alarm.set(now.into(), timeout);
        Box::pin(HeadSleep {
            alarm: Arc::clone(&self.alarm),
            has_begun,
            activity: Arc::clone(&self.activity),
            header_read_timeout: self.header_read_timeout,
        })
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, _duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.wait_for_head(self.now())
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        // hyper's timeout is zero, so its deadline is now.
        self.wait_for_head(deadline)
    }

    fn now(&self) -> Instant {
        TokioInstant::now().into_std()
    }
}

/// hyper polls this after each read that leaves the head incomplete, and drops
/// it when the head is complete.
#[derive(Debug)]
struct HeadSleep {
    alarm: Arc<Alarm>,
    has_begun: bool,
    activity: Arc<Activity>,
    header_read_timeout: Duration,
}

impl Sleep for HeadSleep {}

impl Future for HeadSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !self.has_begun && self.activity.has_received() {
            self.has_begun = true;
            self.alarm
                .set(TokioInstant::now(), self.header_read_timeout);
        }
        self.alarm.poll(cx)
    }
}
