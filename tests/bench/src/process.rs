//! [`Process`]: a child process on a core of its own, and its statistics from
//! the operating system.

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::time::Duration;

use crate::failure::{Failure, Result, While};

/// A running process; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::null());
        Ok(Self(start(command)?))
    }

    /// Starts it, and waits for its first line.
    pub(crate) fn start_and_read_line(command: &mut Command) -> Result<(Self, String)> {
        let mut process = Self::start(command.stdout(Stdio::piped()))?;
        let mut line = String::new();
        if let Some(stdout) = process.0.stdout.take() {
            let read = BufReader::new(stdout).read_line(&mut line);
            read.while_doing(format_args!("cannot read what {} says", shown(command)))?;
        }
        Ok((process, line.trim_end().to_owned()))
    }

    /// How it has ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.0.try_wait().while_doing("cannot ask for a child")
    }

    /// The processor time that it has used so far, all threads together.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        processor_time_of(self.0.id())
    }

    /// The memory that it has in RAM, now.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        let status = proc(self.0.id(), "status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kb = line.and_then(|line| line.split_whitespace().next());
        Ok(number::<u64>(kb.unwrap_or_default())? * 1024)
    }
}

/// The same of this process.
pub(crate) fn own_processor_time() -> Result<Duration> {
    processor_time_of("self")
}

fn processor_time_of(process: impl fmt::Display) -> Result<Duration> {
    // What Linux counts in, on every architecture.
    const TICKS_PER_S: f64 = 100.0;

    let stat = proc(process, "stat")?;
    // The name in the second field may hold anything but a last `)`.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let fields = fields.split(' ').skip(11);
    let ticks: Result<Vec<f64>> = fields.take(2).map(number).collect();
    Ok(Duration::from_secs_f64(
        ticks?.iter().sum::<f64>() / TICKS_PER_S,
    ))
}

fn proc(process: impl fmt::Display, file: &str) -> Result<String> {
    let path = format!("/proc/{process}/{file}");
    std::fs::read_to_string(&path).while_doing(format_args!("cannot read {path}"))
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
pub(crate) fn on_core(core: usize, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.arg("-c").arg(core.to_string()).arg(program);
    command
}

/// What `command` prints.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    command.stdin(Stdio::null());
    let child = spawn(command)?;
    end(command, child)
}

/// Runs `command` while `work` is done, and returns what it prints when its
/// standard input is closed after that.
pub(crate) fn during<T>(
    command: &mut Command,
    work: impl FnOnce() -> Result<T>,
) -> Result<(String, T)> {
    command.stdin(Stdio::piped());
    let mut child = spawn(command)?;
    let stdin = child.stdin.take();
    let done = work();
    // It ends also when the work fails.
    drop(stdin);
    let output = end(command, child)?;
    Ok((output, done?))
}

/// Starts `command`, for [`end`].
fn spawn(command: &mut Command) -> Result<Child> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    start(command)
}

/// Returns what `child` prints until it ends. If it fails, its standard error
/// is the failure.
fn end(command: &Command, child: Child) -> Result<String> {
    let output = child.wait_with_output();
    let output = output.while_doing(format_args!("cannot wait for {}", shown(command)))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(match said.trim() {
        "" => format!("{} has failed: {}", shown(command), output.status),
        said => said.to_owned(),
    }))
}

/// A number that another process has written.
pub(crate) fn number<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<T> {
    let number = text.trim().parse();
    number.while_doing(format_args!("expected a number, found {text:?}"))
}

fn start(command: &mut Command) -> Result<Child> {
    let child = command.spawn();
    child.while_doing(format_args!("cannot start {}", shown(command)))
}

/// The command as people write it.
fn shown(command: &Command) -> String {
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args());
    let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    words.join(" ")
}
