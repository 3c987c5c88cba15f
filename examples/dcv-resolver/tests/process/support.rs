//! The binary as a process, and requests to it as bytes.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::client::{DEADLINE, ask};

/// A command with an environment that holds none of ours.
pub(crate) fn dcv_resolver(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dcv-resolver"));
    command
        .args(arguments)
        .env_remove("RUST_LOG")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DCV_RESOLVER_") {
            command.env_remove(name);
        }
    }
    // Tests run side by side, on free ports and without a drain.
    command.env("DCV_RESOLVER_OPS_LISTEN", "127.0.0.1:0");
    command.env("DCV_RESOLVER_DRAIN_MS", "0");
    command
}

/// A command whose standard input and output become the sockets that a service
/// manager passes: descriptors 3 and 4.
pub(crate) fn activated(names: &str, arguments: &[&str]) -> Command {
    // The process must be the one that the variable names.
    let script = "exec 3<&0 4>&1 0</dev/null 1>&2; LISTEN_PID=$$ exec \"$@\"";
    let mut command = in_shell(script, arguments);
    command.env("LISTEN_FDS", "2").env("LISTEN_FDNAMES", names);
    command
}

/// A command that a shell script executes as `"$@"`.
pub(crate) fn in_shell(script: &str, arguments: &[&str]) -> Command {
    let plain = dcv_resolver(arguments);
    let mut command = Command::new("sh");
    command
        .args(["-c", script, "sh"])
        .arg(plain.get_program())
        .args(plain.get_args());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// Runs to the end.
pub(crate) fn run(arguments: &[&str]) -> Finished {
    dcv_resolver(arguments).output().unwrap().into()
}

pub(crate) struct Finished {
    pub(crate) exit_code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Finished {
    fn from(output: Output) -> Self {
        Self {
            exit_code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A level for tests that send many requests.
pub(crate) const QUIET: &str = "info,dcv_resolver::decision=off";

/// `serve` on a free port, until it is dropped.
pub(crate) struct Serving {
    child: Child,
    /// The lines of standard error; disconnected at its end.
    log: Receiver<String>,
    /// Where gateways ask.
    pub(crate) address: SocketAddr,
    /// Where operators ask.
    ops: Option<SocketAddr>,
}

impl Serving {
    /// Starts `serve` with `arguments` and waits until it listens.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::spawn(dcv_resolver(
            &[&["serve", "--listen", "127.0.0.1:0"], arguments].concat(),
        ))
    }

    pub(crate) fn spawn(command: Command) -> Self {
        let (mut serving, line) = Self::spawn_until(command, "listening");
        serving.address = address(&line, "address").unwrap();
        serving.ops = address(&line, "ops_address");
        serving
    }

    /// Starts a process that listens on Unix sockets.
    pub(crate) fn spawn_local(command: Command) -> Self {
        Self::spawn_until(command, "listening").0
    }

    /// Starts an agent, which listens for operators only.
    pub(crate) fn spawn_agent(command: Command) -> Self {
        let (mut agent, line) = Self::spawn_until(command, "started");
        agent.ops = address(&line, "ops_address");
        agent
    }

    /// Returns the process and the line of its log with `event`.
    fn spawn_until(mut command: Command, event: &str) -> (Self, String) {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (lines, log) = channel();
        thread::spawn(move || {
            for line in stderr.lines() {
                // A dropped receiver closes standard error for the process.
                if lines.send(line.unwrap()).is_err() {
                    break;
                }
            }
        });
        let serving = Self {
            child,
            log,
            address: ([127, 0, 0, 1], 0).into(),
            ops: None,
        };
        // It ends also where it never listens.
        loop {
            let line = serving.log.recv_timeout(DEADLINE).unwrap();
            if line.contains(event) {
                return (serving, line);
            }
        }
    }

    /// Starts `serve` with `arguments`, which logs to `log`. It cannot log where
    /// it listens, so its sockets are passed to it.
    pub(crate) fn log_to(log: impl Into<Stdio>, arguments: &[&str]) -> Self {
        let socket = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (gateways, operators) = (socket(), socket());
        let address = gateways.local_addr().unwrap();
        let ops = operators.local_addr().ok();
        let mut command = activated("resolver:ops", &[&["serve"], arguments].concat());
        command.stdin(OwnedFd::from(gateways));
        command.stdout(OwnedFd::from(operators)).stderr(log);
        Self {
            child: command.spawn().unwrap(),
            log: channel().1,
            address,
            ops,
        }
    }

    /// Waits for the end of a process whose log is not read; its exit code.
    pub(crate) fn exit_code(mut self) -> Option<i32> {
        let mut ended = None;
        wait_until("it ends", || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        });
        ended.and_then(|status| status.code())
    }

    /// The answer to one request line, with the connection's end.
    pub(crate) fn post(&self, target: &str) -> String {
        let request = format!(
            "POST {target} HTTP/1.1\r\nhost: resolver.example\r\nconnection: close\r\n\r\n"
        );
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(status.unwrap().success());
    }

    /// Stops each of its threads, as a machine that is suspended does; SIGCONT
    /// lets them go on.
    pub(crate) fn stand_still(&self) {
        self.signal("STOP");
        let threads = format!("/proc/{}/task", self.child.id());
        let stands = |stat: &str| stat.rsplit(") ").next().unwrap().starts_with('T');
        wait_until("every thread stands still", || {
            let mut threads = fs::read_dir(&threads).unwrap();
            threads.all(|thread| {
                let stat = fs::read_to_string(thread.unwrap().path().join("stat"));
                stat.is_ok_and(|stat| stands(&stat))
            })
        });
    }

    /// Waits for the end; what was written to standard error since the start.
    pub(crate) fn finish(mut self) -> Finished {
        let mut stderr = String::new();
        loop {
            match self.log.recv_timeout(DEADLINE) {
                Ok(line) => stderr.extend([line.as_str(), "\n"]),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end:\n{stderr}"),
            }
        }
        assert!(!stderr.contains("tr0ub4dor"), "a secret was logged");
        Finished {
            exit_code: self.child.wait().unwrap().code(),
            stdout: String::new(),
            stderr,
        }
    }

    pub(crate) fn ops(&self) -> SocketAddr {
        self.ops.unwrap()
    }

    pub(crate) fn has_ops(&self) -> bool {
        self.ops.is_some()
    }

    /// The value of a metric, `None` where it is not shown.
    pub(crate) fn metric(&self, sample: &str) -> Option<f64> {
        let answer = ask(self.ops(), "GET /metrics");
        let mut lines = answer.body.lines();
        lines.find_map(|line| {
            let value = line.strip_prefix(sample)?.strip_prefix(' ')?;
            value.parse().ok()
        })
    }

    /// How often something was reloaded.
    pub(crate) fn reloads(&self, what: &str, result: &str) -> u64 {
        let sample = format!("dcv_resolver_reloads_total{{what=\"{what}\",result=\"{result}\"}}");
        self.metric(&sample).unwrap_or_default() as u64
    }

    /// Changes something, and waits until it is counted as reloaded, with this
    /// result.
    pub(crate) fn change(&self, what: &str, result: &str, change: impl FnOnce()) {
        let before = self.reloads(what, result);
        change();
        wait_until("the reload is counted", || {
            self.reloads(what, result) > before
        });
    }

    /// Waits until the process says that it is ready.
    pub(crate) fn wait_until_ready(&self) {
        wait_until("it is ready", || {
            ask(self.ops(), "GET /readyz").status == 200
        });
    }

    /// Kills it, which leaves it no time to do anything.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Stops it with SIGTERM; what was written since the start.
    pub(crate) fn stop(self) -> Finished {
        self.signal("TERM");
        self.finish()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Prints a figure of a test.
#[expect(clippy::print_stdout, reason = "shown with --show-output")]
pub(crate) fn print(sentence: &str) {
    println!("{sentence}");
}

/// Polls until a condition holds. Its time is not under test, so the deadline is
/// far longer than needed.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < DEADLINE, "in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A configuration in a folder of its own, and the files that it names.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// With `resolver.toml`.
    pub(crate) fn new(config: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("resolver.toml", config);
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Replaces a file as editors and deployment tools do, never half written.
    pub(crate) fn write(&self, name: &str, content: &str) {
        let new = self.path(&format!("{name}.new"));
        fs::write(&new, content).unwrap();
        fs::rename(new, self.path(name)).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = dcv_resolver(arguments);
        command.arg("--config").arg(self.path("resolver.toml"));
        command
    }

    /// Serves it on free ports.
    pub(crate) fn serve(&self) -> Serving {
        Serving::spawn(self.command(&["serve", "--listen", "127.0.0.1:0"]))
    }

    pub(crate) fn run(&self, command: &str) -> Finished {
        self.command(&[command]).output().unwrap().into()
    }
}

/// The address in a field of a line, of JSON or text.
fn address(line: &str, field: &str) -> Option<SocketAddr> {
    let mut words = line.split([' ', ',', '{', '}']);
    words.find_map(|word| {
        let word = word.replace('"', "");
        let value = word.strip_prefix(field)?.strip_prefix(['=', ':'])?;
        value.parse().ok()
    })
}

/// The decision events among lines of JSON.
pub(crate) fn decisions(log: &str) -> Vec<Value> {
    log.lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        })
        .filter(|event| event["target"] == "dcv_resolver::decision")
        .collect()
}

/// The body of an answer.
pub(crate) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}
