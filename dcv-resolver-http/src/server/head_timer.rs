//! [`HeadTimer`]: one limit for a request's head, another for the time between
//! requests.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// Whether the first head of the connection is still to come.
    fresh: AtomicBool,
}

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
            fresh: AtomicBool::new(true),
        }
    }

    fn wait_for_head(&self) -> HeadSleep {
        if self.fresh.swap(false, Ordering::Relaxed) {
            return HeadSleep {
                sleep: Box::pin(tokio::time::sleep(self.header_read_timeout)),
                idle: None,
            };
        }
        self.received.store(false, Ordering::Relaxed);
        HeadSleep {
            sleep: Box::pin(tokio::time::sleep(self.idle_timeout)),
            idle: Some(Idle {
                received: Arc::clone(&self.received),
                header_read_timeout: self.header_read_timeout,
            }),
        }
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, _duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(self.wait_for_head())
    }

    fn sleep_until(&self, _deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(self.wait_for_head())
    }
}

/// hyper polls this after each read that leaves the head incomplete.
#[derive(Debug)]
struct HeadSleep {
    sleep: Pin<Box<tokio::time::Sleep>>,
    /// `None` once the head has begun.
    idle: Option<Idle>,
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
        if let Some(idle) = &self.idle
            && idle.received.load(Ordering::Relaxed)
        {
            let sleep = tokio::time::sleep(idle.header_read_timeout);
            self.sleep.set(sleep);
            self.idle = None;
        }
        self.sleep.as_mut().poll(cx)
    }
}
