//! Standard output. A reader that goes away, as `head` does, ends the program
//! without a complaint.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use crate::failure::Failure;

/// Prints a line.
pub(crate) fn line(text: impl Display) -> Result<(), Failure> {
    match writeln!(io::stdout().lock(), "{text}") {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::told(0)),
        Err(error) => Err(Failure::setup(format!(
            "cannot write to standard output: {error}"
        ))),
    }
}
