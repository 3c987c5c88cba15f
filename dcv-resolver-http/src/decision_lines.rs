//! [`DecisionLines`]: the lines of several decisions in one write.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::yield_now;
use tracing_subscriber::fmt::MakeWriter;

/// Writes a log, and the lines of requests that are decided at about the same
/// time in one write.
///
/// To write a line to a file takes as long as to make it. So a request leaves
/// its line here, lets others go on that are ready to, and whoever comes back
/// first writes the lines of all. None is answered before its line is written:
/// no crash loses one, as without this. Nobody waits for a clock. Where a write
/// fails, up to ten lines or so are lost with it, and no request.
///
/// All other events are written at once, and behind what was gathered: lines are
/// in the order in which they were left. A write is of whole lines, and of no
/// more than 4,096 bytes unless a single line is longer, so that other processes
/// that write to the same pipe do not come in between.
///
/// It is the writer of a layer of [`tracing_subscriber`], of
/// [`JsonLines`](crate::json_log::JsonLines) or any that hands over each line
/// whole, and [`ResolveServiceBuilder::decision_lines`](crate::ResolveServiceBuilder::decision_lines)
/// makes requests gather their lines in it.
///
/// ```
/// use dcv_resolver_core::{MemoryStore, Resolver};
/// use dcv_resolver_http::json_log::JsonLines;
/// use dcv_resolver_http::{DecisionLines, ResolveServiceBuilder};
/// use tracing_subscriber::layer::SubscriberExt;
/// use tracing_subscriber::util::SubscriberInitExt;
///
/// let lines = DecisionLines::new(std::io::stderr());
/// tracing_subscriber::registry()
///     .with(JsonLines::new(lines.clone()))
///     .init();
/// let service = ResolveServiceBuilder::new(Resolver::new(MemoryStore::new()))
///     .decision_lines(lines)
///     .service();
/// ```
#[derive(Clone)]
pub struct DecisionLines(Arc<Shared>);

struct Shared {
    lines: Mutex<Lines>,
    has_gathered: AtomicBool,
}

struct Lines {
    gathered: Vec<u8>,
    writer: Box<dyn Write + Send>,
}

/// `PIPE_BUF`: a longer write to a pipe may be torn apart.
const MAX_WRITE_BYTES: usize = 4096;

thread_local! {
    /// Where the event that is being left belongs to a decision.
    static DECIDING: Cell<Option<Deciding>> = const { Cell::new(None) };
}

#[derive(Clone, Copy)]
struct Deciding {
    /// The address of the lines that the decision is gathered in: a process may
    /// have others.
    gathered_in: usize,
    has_left_a_line: bool,
}

impl DecisionLines {
    /// Writes to `writer`, which should not buffer. It must not panic, nor leave
    /// events itself. What it returns is not looked at: a log that cannot be
    /// written must not end the service.
    #[must_use]
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Shared {
            lines: Mutex::new(Lines {
                gathered: Vec::with_capacity(MAX_WRITE_BYTES),
                writer: Box::new(writer),
            }),
            has_gathered: AtomicBool::new(false),
        }))
    }

    /// Has `leave` leave the events of a decision, and returns when their lines
    /// are written. Dropped earlier, it has written them as well.
    pub(crate) async fn written(&self, leave: impl FnOnce()) {
        let _written = WriteOnDrop(self);
        if self.gather(leave) && self.has_gathered() {
            yield_now().await;
        }
    }

    /// Whether `leave` has left a line.
    fn gather(&self, leave: impl FnOnce()) -> bool {
        /// Also when a value panics that is to be logged.
        struct Restore(Option<Deciding>);

        impl Drop for Restore {
            fn drop(&mut self) {
                DECIDING.set(self.0);
            }
        }

        let _restore = Restore(DECIDING.replace(Some(Deciding {
            gathered_in: self.address(),
            has_left_a_line: false,
        })));
        leave();
        DECIDING
            .get()
            .is_some_and(|deciding| deciding.has_left_a_line)
    }

    fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    fn has_gathered(&self) -> bool {
        self.0.has_gathered.load(Ordering::Acquire)
    }

    fn add(&self, line: &[u8]) {
        let deciding = DECIDING.get();
        let gathers = deciding.filter(|deciding| deciding.gathered_in == self.address());
        let mut lines = self.lock();
        if lines.gathered.len() + line.len() > MAX_WRITE_BYTES {
            self.write_out(&mut lines);
        }
        lines.gathered.extend_from_slice(line);
        match gathers {
            Some(deciding) => {
                self.0.has_gathered.store(true, Ordering::Release);
                DECIDING.set(Some(Deciding {
                    has_left_a_line: true,
                    ..deciding
                }));
            }
            None => self.write_out(&mut lines),
        }
    }

    fn write_out(&self, lines: &mut Lines) {
        let _written = lines.writer.write_all(&lines.gathered);
        lines.gathered.clear();
        self.0.has_gathered.store(false, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what is gathered when it is dropped.
struct WriteOnDrop<'a>(&'a DecisionLines);

impl Drop for WriteOnDrop<'_> {
    fn drop(&mut self) {
        if self.0.has_gathered() {
            self.0.write_out(&mut self.0.lock());
        }
    }
}

impl<'a> MakeWriter<'a> for DecisionLines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl fmt::Debug for DecisionLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecisionLines").finish_non_exhaustive()
    }
}

/// Takes one line in one call.
impl Write for &DecisionLines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
