//! The binary as a process, and requests to it as bytes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

/// A command with an environment that holds none of ours.
pub(crate) fn dcv_resolver(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dcv-resolver"));
    command
        .args(arguments)
        .env_remove("RUST_LOG")
        .env_remove("NO_COLOR")
        .env_remove("DCV_RESOLVER_STORE")
        .stdin(Stdio::null());
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

/// `serve` on a free port, until it is dropped.
pub(crate) struct Serving {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    pub(crate) address: SocketAddr,
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
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut so_far = String::new();
        let address = loop {
            let mut line = String::new();
            let end = stderr.read_line(&mut line).unwrap() == 0;
            so_far.push_str(&line);
            assert!(!end, "it ended before it listened:\n{so_far}");
            if line.contains("listening") {
                break listening_address(&line);
            }
        };
        Self {
            child,
            stderr,
            address,
        }
    }

    /// The answer to one request line, with the connection's end.
    pub(crate) fn post(&self, target: &str) -> String {
        let request = format!(
            "POST {target} HTTP/1.1\r\nhost: resolver.example\r\nconnection: close\r\n\r\n"
        );
        self.exchange(request.as_bytes())
    }

    pub(crate) fn exchange(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream.write_all(request).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end; what was written to standard error since the start.
    pub(crate) fn finish(mut self) -> Finished {
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).unwrap();
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

fn listening_address(line: &str) -> SocketAddr {
    let start = line.find("127.0.0.1:").unwrap();
    let end = line[start..]
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'))
        .map_or(line.len(), |length| start + length);
    line[start..end].parse().unwrap()
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
