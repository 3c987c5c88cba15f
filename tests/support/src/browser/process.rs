//! [`DriverProcess`]: chromedriver, and the Chromium that it starts.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use tempfile::TempDir;

use crate::port::free_port;

/// A process group with a folder for all of its files.
#[derive(Debug)]
pub(super) struct DriverProcess {
    child: Child,
    port: u16,
    profile: TempDir,
    /// Kept open, so that chromedriver can write to it.
    _stdout: BufReader<ChildStdout>,
}

impl DriverProcess {
    /// Starts chromedriver, and waits until it listens.
    pub(super) fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        // Not 0: it would choose a port that is free on IPv6, and end if the same
        // port is in use on IPv4.
        let port = free_port();
        let mut child = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .env("HOME", profile.path())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is missing: run scripts/install-test-tools");
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        wait_until_it_listens(&mut stdout);
        Self {
            child,
            port,
            profile,
            _stdout: stdout,
        }
    }

    /// Returns the port where it listens.
    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// Returns the folder for the browser's profile.
    pub(super) fn profile(&self) -> &Path {
        self.profile.path()
    }
}

fn wait_until_it_listens(stdout: &mut impl BufRead) {
    let mut printed = String::new();
    while !printed.contains("started successfully") {
        let read = stdout.read_line(&mut printed).unwrap();
        assert_ne!(read, 0, "chromedriver has ended: {printed}");
    }
}

impl Drop for DriverProcess {
    fn drop(&mut self) {
        // chromedriver alone would leave the browser behind.
        let group = format!("-{}", self.child.id());
        let _ended = Command::new("kill")
            .args(["-s", "KILL", "--", &group])
            .status();
        let _reaped = self.child.wait();
    }
}

/// Returns whether this process runs as root.
pub(super) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
