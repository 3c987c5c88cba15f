//! [`HeadTimer`]: one timeout for a request's head, another for the time between
//! requests.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use tokio::time::sleep;

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
    /// Set by the stream whenever bytes arrive.
    received: Arc<AtomicBool>,
    is_first: AtomicBool,
}

impl HeadTimer {
    pub(crate) fn new(
        header_read_timeout: Duration,
        idle_timeout: Duration,
        received: Arc<AtomicBool>,
    ) -> Self {
        Self {
            header_read_timeout,
            idle_timeout,
            received,
            is_first: AtomicBool::new(true),
        }
    }

    fn wait_for_head(&self) -> Pin<Box<dyn Sleep>> {
        // A new connection is expected to send a request at once.
        let has_begun = self.is_first.swap(false, Ordering::Relaxed);
        let timeout = if has_begun {
            self.header_read_timeout
        } else {
            self.received.store(false, Ordering::Relaxed);
            self.idle_timeout
        };
        Box::pin(HeadSleep {
            timeout: Box::pin(sleep(timeout)),
            has_begun,
            received: Arc::clone(&self.received),
            header_read_timeout: self.header_read_timeout,
        })
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, _duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.wait_for_head()
    }

    fn sleep_until(&self, _deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.wait_for_head()
    }
}

/// hyper polls this after each read that leaves the head incomplete, and drops
/// it when the head is complete.
#[derive(Debug)]
struct HeadSleep {
    timeout: Pin<Box<tokio::time::Sleep>>,
    has_begun: bool,
    received: Arc<AtomicBool>,
    header_read_timeout: Duration,
}

impl Sleep for HeadSleep {}

impl Future for HeadSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !self.has_begun && self.received.load(Ordering::Relaxed) {
            self.has_begun = true;
            self.timeout = Box::pin(sleep(self.header_read_timeout));
        }
        self.timeout.as_mut().poll(cx)
    }
}
