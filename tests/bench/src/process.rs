//! [`Process`]: a child on a core of its own, and what the operating system
//! says of it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running process; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).spawn();
        Self(child.unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Starts it, and waits for its first line.
    pub(crate) fn start_and_read_line(command: &mut Command) -> (Self, String) {
        let mut process = Self::start(command.stdout(Stdio::piped()));
        let mut line = String::new();
        let stdout = process.0.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        (process, line.trim_end().to_owned())
    }

    /// The processor time that it has used so far, all threads together.
    pub(crate) fn processor_time(&self) -> Duration {
        // What Linux counts in, on every architecture.
        const TICKS_PER_S: f64 = 100.0;

        let stat = self.proc("stat");
        // The name in the second field may hold anything but a last `)`.
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let fields: Vec<_> = fields.split(' ').collect();
        let ticks = |field: usize| fields[field].parse::<f64>().unwrap();
        let (user, system) = (ticks(11), ticks(12));
        Duration::from_secs_f64((user + system) / TICKS_PER_S)
    }

    /// The memory that it has in RAM, now.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kb = line.and_then(|line| line.split_whitespace().next());
        kb.unwrap().parse::<u64>().unwrap() * 1024
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.0.id())).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It fails where the process has ended by itself.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// `program` on this core alone. The thread that runs it is bound before it
/// starts, so that the program sees one core only, and its runtime has one
/// thread.
pub(crate) fn on_core(core: usize, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.arg("-c").arg(core.to_string()).arg(program);
    command
}

/// What `command` prints.
pub(crate) fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = output.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", output.status);
    String::from_utf8(output.stdout).unwrap()
}
