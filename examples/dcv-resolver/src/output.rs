//! Standard output, and warnings on standard error. If the reader of standard
//! output closes it early, as `head` does, the program ends without an error.

use std::fmt::{self, Display};
use std::io::{self, ErrorKind, Write};

use crate::failure::Failure;

/// Prints a warning on standard error.
pub(crate) fn warn(text: impl Display) {
    // The result of the command is on standard output.
    let _ignored = writeln!(io::stderr(), "dcv-resolver: warning: {text}");
}

/// Prints a line.
pub(crate) fn line(text: impl Display) -> Result<(), Failure> {
    match writeln!(io::stdout().lock(), "{text}") {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::silent(0)),
        Err(error) => Err(Failure::setup(format!(
            "cannot write to standard output: {error}"
        ))),
    }
}

/// Returns the first of many ids, and how many more there are.
pub(crate) fn first_ids(ids: &[impl fmt::Debug]) -> String {
    const SHOWN: usize = 20;
    let mut shown: Vec<_> = ids.iter().take(SHOWN).map(|id| format!("{id:?}")).collect();
    if ids.len() > SHOWN {
        shown.push(format!("and {} more", ids.len() - SHOWN));
    }
    shown.join(", ")
}
