//! [`Failure`]: the final error message and the exit code.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

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

    /// Ends the program without a message.
    pub(crate) fn silent(exit_code: u8) -> Self {
        Self {
            message: None,
            exit_code,
        }
    }

    pub(crate) fn report(self) -> ExitCode {
        if let Some(message) = self.message {
            // If standard error is closed, the exit code remains.
            let _ignored = writeln!(io::stderr(), "dcv-resolver: {message}");
        }
        self.exit_code.into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message.as_deref().unwrap_or_default())
    }
}
