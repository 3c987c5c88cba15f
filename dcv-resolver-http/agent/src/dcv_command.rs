//! [`DcvCommand`]: runs `dcv list-sessions --json`.

use std::ffi::OsString;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use dcv_resolver_core::escape::escaped;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::session_list::{InvalidSessionList, SessionList};

/// The command that lists the sessions of a DCV server.
///
/// It runs in a process group of its own, without standard input. If it takes
/// longer than the time limit, or prints more than [`MAX_OUTPUT_BYTES`], the
/// whole group is killed, as it is when the future is dropped.
///
/// [`MAX_OUTPUT_BYTES`]: Self::MAX_OUTPUT_BYTES
#[derive(Debug, Clone)]
pub struct DcvCommand {
    program: OsString,
    arguments: Vec<OsString>,
    time_limit: Duration,
}

/// An error that occurs when the sessions could not be listed. It says nothing
/// about which sessions run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DcvCommandError {
    /// The program cannot be started.
    #[error("cannot start {program}")]
    Start {
        /// The program.
        program: String,
        /// The cause.
        source: io::Error,
    },
    /// The output cannot be read.
    #[error("cannot read the output of {program}")]
    Read {
        /// The program.
        program: String,
        /// The cause.
        source: io::Error,
    },
    /// The program did not end in time, and was killed.
    #[error("{program} did not end within {limit_ms} ms and was killed")]
    TimedOut {
        /// The program.
        program: String,
        /// The time limit, in milliseconds.
        limit_ms: u128,
    },
    /// The program printed too much, and was killed.
    #[error(
        "{program} printed more than {} bytes and was killed",
        DcvCommand::MAX_OUTPUT_BYTES
    )]
    TooLong {
        /// The program.
        program: String,
    },
    /// The program failed.
    #[error("{program} ended with {status}; it printed to standard error: {stderr:?}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The beginning of what it printed to standard error, escaped.
        stderr: String,
    },
    /// The output is not a list of sessions.
    #[error("{program} did not print a list of sessions")]
    Invalid {
        /// The program.
        program: String,
        /// The cause.
        source: InvalidSessionList,
    },
}

impl DcvCommandError {
    /// Returns the kind of the error, as the log names it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Start { .. } => "not_started",
            Self::Read { .. } => "not_read",
            Self::TimedOut { .. } => "timed_out",
            Self::TooLong { .. } => "too_long",
            Self::Failed { .. } => "failed",
            Self::Invalid { .. } => "invalid",
        }
    }
}

impl DcvCommand {
    /// The longest output that is read: that of thousands of sessions.
    pub const MAX_OUTPUT_BYTES: usize = 1024 * 1024;

    /// Creates a command with a time limit of 10 s.
    #[must_use]
    pub fn new(
        program: impl Into<OsString>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            time_limit: Duration::from_secs(10),
        }
    }

    /// Sets the time after which the command is killed.
    #[must_use]
    pub fn with_time_limit(mut self, time_limit: Duration) -> Self {
        self.time_limit = time_limit;
        self
    }

    #[cfg(test)]
    pub(crate) fn time_limit(&self) -> Duration {
        self.time_limit
    }

    /// Lowers the time limit to `most`, if it is longer.
    pub(crate) fn limit_time(&mut self, most: Duration) {
        self.time_limit = self.time_limit.min(most);
    }

    /// Runs the command and parses its output.
    ///
    /// # Errors
    ///
    /// [`DcvCommandError`], when it is unknown which sessions run.
    pub async fn list(&self) -> Result<SessionList, DcvCommandError> {
        let output = self.run().await?;
        SessionList::parse(&output).map_err(|source| DcvCommandError::Invalid {
            program: self.program(),
            source,
        })
    }

    async fn run(&self) -> Result<Vec<u8>, DcvCommandError> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| DcvCommandError::Start {
                program: self.program(),
                source,
            })?;
        // Declared after the child, so that it is dropped before: the child is not
        // reaped yet then, and no other process has its id.
        let group = ProcessGroup::of(&child);
        let ended = timeout(self.time_limit, read_to_the_end(&mut child)).await;
        let program = self.program();
        let (status, output) = match ended {
            Ok(Ok(ended)) => ended,
            Ok(Err(ReadError::TooLong)) => return Err(DcvCommandError::TooLong { program }),
            Ok(Err(ReadError::Io(source))) => {
                return Err(DcvCommandError::Read { program, source });
            }
            Err(_elapsed) => {
                return Err(DcvCommandError::TimedOut {
                    program,
                    limit_ms: self.time_limit.as_millis(),
                });
            }
        };
        group.has_ended();
        if !status.success() {
            return Err(DcvCommandError::Failed {
                program,
                status,
                stderr: shown(&output.stderr),
            });
        }
        Ok(output.stdout)
    }

    fn program(&self) -> String {
        self.program.to_string_lossy().into_owned()
    }
}

/// `dcv list-sessions --json`.
impl Default for DcvCommand {
    fn default() -> Self {
        Self::new("dcv", ["list-sessions", "--json"])
    }
}

/// What the command printed.
struct Output {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

enum ReadError {
    TooLong,
    Io(io::Error),
}

/// Reads both streams at once, since a program whose standard error is not read
/// stops when that pipe is full.
async fn read_to_the_end(child: &mut Child) -> Result<(ExitStatus, Output), ReadError> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = tokio::try_join!(read(stdout), read(stderr))?;
    let status = child.wait().await.map_err(ReadError::Io)?;
    Ok((status, Output { stdout, stderr }))
}

async fn read(stream: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, ReadError> {
    let mut content = Vec::new();
    if let Some(stream) = stream {
        let mut limited = stream.take(DcvCommand::MAX_OUTPUT_BYTES as u64 + 1);
        let reading = limited.read_to_end(&mut content);
        reading.await.map_err(ReadError::Io)?;
    }
    if content.len() > DcvCommand::MAX_OUTPUT_BYTES {
        return Err(ReadError::TooLong);
    }
    Ok(content)
}

/// Returns the beginning of a text for a line of the log.
fn shown(text: &[u8]) -> String {
    const MAX_BYTES: usize = 300;
    escaped(String::from_utf8_lossy(text).trim(), MAX_BYTES).into_owned()
}

/// A process group that is killed when this is dropped.
struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    /// Returns the group of a child that was started in a group of its own.
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    /// The program ended by itself, and its id may be reused.
    fn has_ended(mut self) {
        self.0 = None;
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It fails if all of them have ended, which is what is wanted.
            let _ignored = kill_process_group(group, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use dcv_resolver_core::escape::escaped;
    use rustix::process::test_kill_process;

    use super::*;

    fn shell(script: &str) -> DcvCommand {
        DcvCommand::new("sh", ["-c", script])
    }

    async fn failure(command: DcvCommand) -> String {
        command.list().await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn sessions_that_the_command_prints_are_listed() {
        // More than a pipe holds, which must be read for the program to end.
        let script = r#"yes warning | head -c 200000 >&2; echo '[{"id":"console"}]'"#;
        let list = shell(script).list().await.unwrap();
        assert_eq!(list.sessions()[0].id(), "console");
    }

    #[tokio::test]
    async fn each_failure_is_named() {
        let missing = DcvCommand::new("/nowhere/dcv", [""; 0]);
        assert_eq!(failure(missing).await, "cannot start /nowhere/dcv");
        let failed = failure(shell("echo '[]'; printf 'no\\nserver' >&2; exit 3")).await;
        assert_eq!(
            failed,
            r#"sh ended with exit status: 3; it printed to standard error: "no\\nserver""#
        );
        assert!(failed.contains(&format!("{:?}", escaped("no\nserver", 99))));
        let garbage = failure(shell("echo garbage")).await;
        assert_eq!(garbage, "sh did not print a list of sessions");
        let endless = failure(shell("exec yes")).await;
        assert_eq!(endless, "sh printed more than 1048576 bytes and was killed");
        let hanging = shell("exec sleep 600").with_time_limit(Duration::from_millis(10));
        assert_eq!(
            failure(hanging).await,
            "sh did not end within 10 ms and was killed"
        );
    }

    #[tokio::test]
    async fn processes_that_the_command_started_are_killed_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", file.display());
        let command = shell(&script).with_time_limit(Duration::from_millis(500));
        failure(command).await;
        let id = std::fs::read_to_string(file).unwrap();
        let id = Pid::from_raw(id.trim().parse().unwrap()).unwrap();
        // A killed process remains until its new parent has reaped it.
        let is_gone = || match std::fs::read_to_string(format!("/proc/{id}/stat")) {
            Ok(stat) => stat.contains(") Z "),
            Err(_) => test_kill_process(id).is_err(),
        };
        for _ in 0..1000 {
            if is_gone() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{id} still runs");
    }
}
