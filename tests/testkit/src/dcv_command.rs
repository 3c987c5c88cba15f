//! [`DcvCommand`]: a `dcv` that prints what a test sets.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::dcv_session::DcvSession;

/// An executable file `dcv` whose `list-sessions --json` (or `-j`) prints what a
/// test has set. Dropping it removes the file, unless its folder was given.
///
/// It is a shell script, so it needs a Unix. Any other command ends with exit
/// code 1.
#[derive(Debug)]
pub struct DcvCommand {
    folder: PathBuf,
    _temporary: Option<TempDir>,
}

/// Prints the file `sessions`, or says what is in `failure` and fails.
const SCRIPT: &str = r#"#!/bin/sh
folder=$(dirname "$0")
case "$1 $2" in
"list-sessions --json" | "list-sessions -j") ;;
*) echo "dcv: this stand-in only knows 'list-sessions --json'" >&2; exit 1 ;;
esac
if [ -e "$folder/failure" ]; then
    cat "$folder/failure" >&2
    exit 1
fi
exec cat "$folder/sessions"
"#;

impl DcvCommand {
    /// Creates a `dcv` without sessions in a temporary folder.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system if the file cannot be written.
    pub fn new() -> io::Result<Self> {
        let temporary = tempfile::tempdir()?;
        let folder = temporary.path().to_owned();
        Self::create(folder, Some(temporary))
    }

    /// Creates a `dcv` without sessions in a folder, which is created if it does
    /// not exist. It stays there.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system if the file cannot be written.
    pub fn new_in(folder: impl Into<PathBuf>) -> io::Result<Self> {
        Self::create(folder.into(), None)
    }

    fn create(folder: PathBuf, temporary: Option<TempDir>) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let command = Self {
            folder,
            _temporary: temporary,
        };
        command.set_sessions(&[])?;
        write_executable(&command.path(), SCRIPT)?;
        Ok(command)
    }

    /// Returns the path of the executable file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.join("dcv")
    }

    /// Sets the sessions that the command lists from now on.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system if the file cannot be written.
    pub fn set_sessions(&self, sessions: &[DcvSession]) -> io::Result<()> {
        self.set_output(&serde_json::to_string_pretty(sessions)?)
    }

    /// Sets the output of the command from now on, which need not be JSON.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system if the file cannot be written.
    pub fn set_output(&self, text: &str) -> io::Result<()> {
        self.replace("sessions", text)?;
        match fs::remove_file(self.folder.join("failure")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes the command fail from now on with exit code 1 and this text on
    /// standard error, until sessions or another output are set.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system if the file cannot be written.
    pub fn fail(&self, text: &str) -> io::Result<()> {
        self.replace("failure", text)
    }

    /// Replaces a file as a whole, since the command may be running.
    fn replace(&self, name: &str, content: &str) -> io::Result<()> {
        let new = self.folder.join("new");
        fs::write(&new, content)?;
        fs::rename(new, self.folder.join(name))
    }
}

/// Lets a shell write the file. If this process wrote it, another thread might
/// start a process at that moment, which would inherit the open file: then the
/// file cannot be executed ("text file busy").
fn write_executable(path: &Path, content: &str) -> io::Result<()> {
    let mut shell = Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = shell.stdin.take() {
        stdin.write_all(content.as_bytes())?;
    }
    let status = shell.wait()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "sh cannot write {}: {status}",
            path.display()
        )))
    }
}
