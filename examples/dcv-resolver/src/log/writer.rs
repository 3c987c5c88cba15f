//! [`LogWriter`]: a bounded queue of lines, and a thread that writes them.
//!
//! A write to standard error blocks for as long as its reader does not read: a
//! hung journal or container driver, a terminal after Ctrl-S. Only this thread
//! waits then.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// How much can wait to be written. As much again can be in the write that is
/// under way.
const MAX_WAITING_BYTES: usize = 4 << 20;
/// How long the end of the process waits for the last lines.
const FLUSH_TIME: Duration = Duration::from_secs(2);
/// How long to wait if the sink is not ready: another program made it
/// non-blocking.
const NOT_READY_TIME: Duration = Duration::from_millis(20);
/// The memory that is kept between two writes.
const KEPT_BYTES: usize = 64 << 10;

/// Takes lines and never blocks. Clones share the queue.
///
/// Lines that do not fit in the queue are dropped and counted, and so are those
/// that could not be written.
#[derive(Debug, Clone)]
pub(crate) struct LogWriter(Arc<Shared>);

/// Waits for the last lines when it is dropped, but not indefinitely: a write
/// that blocks in the kernel ends with the process.
#[derive(Debug)]
pub(crate) struct FlushOnDrop(LogWriter);

struct Shared {
    queue: Mutex<Queue>,
    /// Notified when lines wait.
    filled: Condvar,
    /// Notified when no line waits and none is being written.
    written: Condvar,
    thread: OnceLock<ThreadId>,
}

#[derive(Default)]
struct Queue {
    lines: Vec<u8>,
    /// Whether the thread waits for lines.
    is_idle: bool,
    dropped_total: u64,
    /// Those of `dropped_total` that are not in the log yet.
    unreported: u64,
}

impl LogWriter {
    /// Starts the thread that writes to `sink`. It calls `report` with the
    /// number of dropped lines once lines can be written again; a line that
    /// `report` writes to the queue is always accepted.
    pub(super) fn start(
        sink: impl Write + Send + 'static,
        report: impl Fn(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let writer = Self(Arc::new(Shared {
            queue: Mutex::default(),
            filled: Condvar::new(),
            written: Condvar::new(),
            thread: OnceLock::new(),
        }));
        let running = writer.clone();
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || running.run(sink, report))?;
        Ok(writer)
    }

    /// Returns how many lines were dropped so far.
    pub(crate) fn dropped_lines(&self) -> u64 {
        self.lock().dropped_total
    }

    pub(super) fn flush_on_drop(&self) -> FlushOnDrop {
        FlushOnDrop(self.clone())
    }

    fn push(&self, line: &[u8]) {
        let mut queue = self.lock();
        let fits = queue.lines.len() + line.len() <= MAX_WAITING_BYTES;
        if !fits && self.0.thread.get() != Some(&thread::current().id()) {
            queue.drop_lines(1);
            return;
        }
        queue.lines.extend_from_slice(line);
        // A notification is a system call.
        if std::mem::take(&mut queue.is_idle) {
            self.0.filled.notify_one();
        }
    }

    fn run(&self, sink: impl Write, report: impl Fn(u64)) {
        self.0.thread.get_or_init(|| thread::current().id());
        let mut sink = Sink {
            sink,
            is_line_torn: false,
        };
        let mut lines = Vec::new();
        loop {
            self.wait_for_lines(&mut lines);
            match sink.write(&lines) {
                // Not after an error: the report would fail as well, and its
                // own failure would cause the next.
                Ok(()) => {
                    let unreported = std::mem::take(&mut self.lock().unreported);
                    if unreported > 0 {
                        report(unreported);
                    }
                }
                Err(rest) => {
                    let dropped = rest.iter().filter(|byte| **byte == b'\n').count();
                    self.lock().drop_lines(dropped as u64);
                }
            }
            lines.clear();
            lines.shrink_to(KEPT_BYTES);
        }
    }

    /// Waits until there are lines, and exchanges them for the empty `lines`.
    fn wait_for_lines(&self, lines: &mut Vec<u8>) {
        let mut queue = self.lock();
        while queue.lines.is_empty() {
            queue.is_idle = true;
            self.0.written.notify_all();
            let filled = self.0.filled.wait(queue);
            queue = filled.unwrap_or_else(PoisonError::into_inner);
        }
        queue.is_idle = false;
        std::mem::swap(&mut queue.lines, lines);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics in the middle of a change.
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn drop_lines(&mut self, count: u64) {
        self.dropped_total += count;
        self.unreported += count;
    }
}

impl Drop for FlushOnDrop {
    fn drop(&mut self) {
        let queue = self.0.lock();
        let is_pending = |queue: &mut Queue| !(queue.is_idle && queue.lines.is_empty());
        // If the time is over, the lines are lost.
        let _ignored = (self.0.0.written).wait_timeout_while(queue, FLUSH_TIME, is_pending);
    }
}

impl MakeWriter<'_> for LogWriter {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Each call takes whole lines; the formatter makes one for each event.
impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// Where lines are written.
struct Sink<W> {
    sink: W,
    /// Whether the last line that was written has no end, as on a full disk.
    is_line_torn: bool,
}

impl<W: Write> Sink<W> {
    /// Writes `lines`, or returns those that could not be written.
    fn write<'a>(&mut self, lines: &'a [u8]) -> Result<(), &'a [u8]> {
        if self.is_line_torn {
            self.write_all(b"\n").map_err(|_| lines)?;
        }
        self.write_all(lines)
    }

    fn write_all<'a>(&mut self, bytes: &'a [u8]) -> Result<(), &'a [u8]> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.sink.write(rest) {
                Ok(0) => return Err(rest),
                Ok(written) => {
                    self.is_line_torn = rest[written - 1] != b'\n';
                    rest = &rest[written..];
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock => thread::sleep(NOT_READY_TIME),
                    _ => return Err(rest),
                },
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A sink that passes on what is written, after a step of its script.
    struct Scripted {
        steps: VecDeque<Step>,
        written: Sender<String>,
    }

    enum Step {
        /// Drops the sender, and blocks until the other side is dropped.
        Stall(Sender<()>, Receiver<()>),
        Fail(ErrorKind),
        Accept(usize),
    }

    impl Write for Scripted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let accepted = match self.steps.pop_front() {
                None => bytes.len(),
                Some(Step::Accept(length)) => length.min(bytes.len()),
                Some(Step::Fail(kind)) => return Err(kind.into()),
                Some(Step::Stall(stalls, resumed)) => {
                    drop(stalls);
                    resumed.recv().unwrap_err();
                    bytes.len()
                }
            };
            let text = String::from_utf8(bytes[..accepted].to_vec()).unwrap();
            self.written.send(text).unwrap();
            Ok(accepted)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A writer that reports dropped lines in a line.
    fn writer(steps: impl IntoIterator<Item = Step>) -> (LogWriter, Receiver<String>) {
        let (written, received) = channel();
        let sink = Scripted {
            steps: steps.into_iter().collect(),
            written,
        };
        let reporter: Arc<OnceLock<LogWriter>> = Arc::default();
        let own = Arc::clone(&reporter);
        let report = move |dropped: u64| {
            let line = format!("{dropped} dropped\n");
            own.get().unwrap().push(line.as_bytes());
        };
        let writer = LogWriter::start(sink, report).unwrap();
        reporter.set(writer.clone()).unwrap();
        (writer, received)
    }

    const DEADLINE: Duration = Duration::from_secs(30);

    fn next(received: &Receiver<String>) -> String {
        received.recv_timeout(DEADLINE).unwrap()
    }

    #[test]
    fn stalled_sink_blocks_no_one_and_lines_beyond_the_queue_are_reported_next() {
        let (stalls, is_stalled) = channel();
        let (resume, resumed) = channel();
        let (writer, received) = writer([Step::Stall(stalls, resumed)]);
        writer.push(b"in the write\n");
        is_stalled.recv_timeout(DEADLINE).unwrap_err();
        let quarter = format!("{}\n", "x".repeat(MAX_WAITING_BYTES / 4 - 1));
        for _ in 0..7 {
            writer.push(quarter.as_bytes());
        }
        assert_eq!(writer.dropped_lines(), 3);
        drop(resume);
        assert_eq!(next(&received), "in the write\n");
        assert_eq!(next(&received), quarter.repeat(4) + "3 dropped\n");
        writer.push(b"after\n");
        assert_eq!(next(&received), "after\n");
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted_and_reported_once_they_can() {
        let (writer, received) = writer([Step::Fail(ErrorKind::StorageFull)]);
        writer.push(b"lost\nlost as well\n");
        drop(writer.flush_on_drop());
        assert_eq!(writer.dropped_lines(), 2);
        writer.push(b"written\n");
        assert_eq!(next(&received), "written\n");
        assert_eq!(next(&received), "2 dropped\n");
    }

    #[test]
    fn line_after_a_torn_one_starts_on_its_own() {
        let full = Step::Fail(ErrorKind::StorageFull);
        let (writer, received) = writer([Step::Accept(3), full]);
        writer.push(b"torn\n");
        drop(writer.flush_on_drop());
        writer.push(b"whole\n");
        let written = [next(&received), next(&received), next(&received)];
        assert_eq!(written, ["tor", "\n", "whole\n"]);
        assert_eq!(next(&received), "1 dropped\n");
    }

    #[test]
    fn interrupted_and_not_ready_sinks_are_tried_again() {
        let (writer, received) = writer([
            Step::Fail(ErrorKind::Interrupted),
            Step::Accept(2),
            Step::Fail(ErrorKind::WouldBlock),
        ]);
        writer.push(b"line\n");
        assert_eq!(next(&received) + &next(&received), "line\n");
        assert_eq!(writer.dropped_lines(), 0);
    }

    #[test]
    fn flush_ends_while_the_sink_stalls() {
        let (_resume, resumed) = channel();
        let (writer, _received) = writer([Step::Stall(channel().0, resumed)]);
        writer.push(b"never written\n");
        drop(writer.flush_on_drop());
    }
}
