//! [`Failure`]: the final error message and the exit code.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long the reader of standard error may take to read the last message.
const REPORT_TIME: Duration = Duration::from_secs(5);

/// Why the program ends early.
#[derive(Debug)]
pub(crate) struct Failure {
    /// `None` if everything has been printed already.
    message: Option<String>,
    exit_code: u8,
}

impl Failure {
    /// The answer is "no": an invalid file, a session that is not found.
    pub(crate) fn negative(message: impl Into<String>) -> Self {
        Self {
            message: Some(message.into()),
            exit_code: 1,
        }
    }

    /// The command could not run: an invalid flag, a port in use, a store that
    /// fails.
    pub(crate) fn setup(message: impl Into<String>) -> Self {
        Self {
            message: Some(message.into()),
            exit_code: 2,
        }
    }

    /// The value of this option cannot be used.
    pub(crate) fn option(name: &str, error: impl fmt::Display) -> Self {
        Self::setup(format!("{name}: {error}"))
    }

    /// A signal ended the command.
    pub(crate) fn interrupted(signal: &str, exit_code: u8) -> Self {
        Self {
            message: Some(format!("stopped by {signal}")),
            exit_code,
        }
    }

    /// Ends the program without a message.
    pub(crate) fn silent(exit_code: u8) -> Self {
        Self {
            message: None,
            exit_code,
        }
    }

    /// Prints the message and returns the exit code.
    ///
    /// If standard error cannot be written, or not within [`REPORT_TIME`], only
    /// the exit code remains: a service manager must see that the process ended.
    pub(crate) fn report(self) -> ExitCode {
        if let Some(message) = self.message {
            let (written, is_written) = mpsc::channel();
            let _ignored = thread::Builder::new().spawn(move || {
                let _ignored = writeln!(io::stderr(), "dcv-resolver: {message}");
                let _ignored = written.send(());
            });
            let _ignored = is_written.recv_timeout(REPORT_TIME);
        }
        self.exit_code.into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message.as_deref().unwrap_or_default())
    }
}
