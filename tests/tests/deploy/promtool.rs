//! [`promtool`]: the tool that comes with Prometheus.

use std::io::Write;
use std::process::{Command, Stdio};

/// Runs `promtool` with this input, and panics with its output if it complains.
pub(crate) fn promtool(arguments: &[&str], input: &str) {
    let mut running = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = running.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = running.wait_with_output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
    assert!(output.status.success(), "{stdout}{stderr}");
}
