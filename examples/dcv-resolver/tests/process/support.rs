//! The binary as a process, and requests to it as bytes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

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
    // Tests run side by side, and wait for nobody.
    command.env("DCV_RESOLVER_OPS_LISTEN", "127.0.0.1:0");
    command.env("DCV_RESOLVER_LAME_DUCK_MS", "0");
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

/// Nothing takes this long, not even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// `serve` on a free port, until it is dropped.
pub(crate) struct Serving {
    child: Child,
    /// The lines of standard error; disconnected at its end.
    log: Receiver<String>,
    /// Where gateways ask.
    pub(crate) address: SocketAddr,
    /// Where operators ask.
    pub(crate) ops: SocketAddr,
}

impl Serving {
    /// Starts `serve` with `arguments` and waits until it listens.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::spawn(dcv_resolver(
            &[&["serve", "--listen", "127.0.0.1:0"], arguments].concat(),
        ))
    }

    pub(crate) fn spawn(mut command: Command) -> Self {
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
        let (address, ops) = loop {
            let line = log.recv_timeout(DEADLINE).unwrap();
            if line.contains("listening") {
                break (address(&line, "address"), address(&line, "ops_address"));
            }
        };
        Self {
            child,
            log,
            address,
            ops,
        }
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

    /// Nobody reads what it writes from now on.
    pub(crate) fn stop_reading(&mut self) {
        self.log = channel().1;
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
        Finished {
            exit_code: self.child.wait().unwrap().code(),
            stdout: String::new(),
            stderr,
        }
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

/// The address in a field of a line, of JSON or text.
fn address(line: &str, field: &str) -> SocketAddr {
    let mut words = line.split([' ', ',', '{', '}']);
    words
        .find_map(|word| {
            let word = word.replace('"', "");
            let value = word.strip_prefix(field)?.strip_prefix(['=', ':'])?;
            value.parse().ok()
        })
        .unwrap_or_else(|| panic!("no {field}: {line}"))
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
