//! [`DecisionLines`]: the lines of several decisions in one write.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::yield_now;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use crate::decision;

/// Writes a log, and the lines of requests that are decided at about the same
/// time in one write.
///
/// To write a line to a file takes longer than to resolve. So a request that is
/// answered with a destination leaves its line here, lets all others go on that
/// are ready to, and whoever comes back first writes the lines of all. None is
/// answered before its line is written: no crash loses one, as without this.
/// Nobody waits for a clock, and a request that is alone waits for nothing but
/// its own write.
///
/// All other events, warnings and errors among them, are written at once, and
/// behind what was gathered: lines are in the order in which they were left.
///
/// It is the writer of a layer of [`tracing_subscriber`], and
/// [`RouterBuilder::decision_lines`](crate::RouterBuilder::decision_lines) makes
/// requests wait for it. What the writer returns is not looked at.
///
/// ```
/// use dcv_resolver_core::{MemoryStore, Resolver};
/// use dcv_resolver_http::json_log::JsonLines;
/// use dcv_resolver_http::{DecisionLines, RouterBuilder};
/// use tracing_subscriber::layer::SubscriberExt;
/// use tracing_subscriber::util::SubscriberInitExt;
///
/// let lines = DecisionLines::new(std::io::stderr());
/// tracing_subscriber::registry()
///     .with(JsonLines::new(lines.clone()))
///     .init();
/// let service = RouterBuilder::new(Resolver::new(MemoryStore::new()))
///     .decision_lines(lines)
///     .service();
/// ```
#[derive(Clone)]
pub struct DecisionLines(Arc<Shared>);

struct Shared {
    lines: Mutex<Lines>,
    /// Whether anything is gathered: all that a request looks at without a log.
    has_gathered: AtomicBool,
    /// Whether there are requests that see to what is gathered.
    is_awaited: AtomicBool,
}

struct Lines {
    gathered: Vec<u8>,
    writer: Box<dyn Write + Send>,
}

/// More is not gathered: about 150 lines.
const MAX_GATHERED_BYTES: usize = 64 * 1024;

impl DecisionLines {
    /// Writes to `writer`, which should not buffer.
    #[must_use]
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Shared {
            lines: Mutex::new(Lines {
                gathered: Vec::new(),
                writer: Box::new(writer),
            }),
            has_gathered: AtomicBool::new(false),
            is_awaited: AtomicBool::new(false),
        }))
    }

    /// From now on somebody calls [`written`](Self::written) for each decision.
    pub(crate) fn expect_waiting(&self) {
        self.0.is_awaited.store(true, Ordering::Relaxed);
    }

    /// Returns when all lines are written that were left before. Dropped
    /// earlier, it has written them, too.
    pub(crate) fn written(&self) -> impl Future<Output = ()> + Send + use<'_> {
        let left = Left(self);
        async move {
            if left.0.has_gathered() {
                yield_now().await;
            }
            drop(left);
        }
    }

    fn has_gathered(&self) -> bool {
        self.0.has_gathered.load(Ordering::Acquire)
    }

    fn add(&self, line: &[u8], waits: bool) {
        let mut lines = self.lock();
        lines.gathered.extend_from_slice(line);
        if waits && lines.gathered.len() <= MAX_GATHERED_BYTES {
            self.0.has_gathered.store(true, Ordering::Release);
        } else {
            self.write_out(&mut lines);
        }
    }

    fn write_out(&self, lines: &mut Lines) {
        // A log that cannot be written must not end the service.
        let _written = lines.writer.write_all(&lines.gathered);
        lines.gathered.clear();
        self.0.has_gathered.store(false, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        // A writer that has panicked has said no more about its lines than one
        // that fails.
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What may be gathered, and is written when this is dropped.
struct Left<'a>(&'a DecisionLines);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        if self.0.has_gathered() {
            self.0.write_out(&mut self.0.lock());
        }
    }
}

impl<'a> MakeWriter<'a> for DecisionLines {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        LineWriter {
            lines: self,
            waits: false,
        }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        LineWriter {
            lines: self,
            waits: *metadata.level() == Level::INFO
                && metadata.target() == decision::TARGET
                && self.0.is_awaited.load(Ordering::Relaxed),
        }
    }
}

impl fmt::Debug for DecisionLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecisionLines").finish_non_exhaustive()
    }
}

/// Takes one event of a [`DecisionLines`].
#[derive(Debug)]
pub struct LineWriter<'a> {
    lines: &'a DecisionLines,
    /// Whether somebody waits for it, and will see to it.
    waits: bool,
}

impl Write for LineWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lines.add(bytes, self.waits);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
