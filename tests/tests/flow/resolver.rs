//! [`Resolver`]: the ready binary as a process.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::Value;

/// `dcv-resolver serve` on a free port, until it is dropped.
pub(crate) struct Resolver {
    child: Child,
    pub(crate) port: u16,
}

impl Resolver {
    /// Serves a configuration, and waits until it listens.
    pub(crate) fn serve(config: &Path) -> Self {
        let test = std::env::current_exe().unwrap();
        let binary = test.parent().unwrap().with_file_name("dcv-resolver");
        assert!(
            binary.exists(),
            "run `cargo build -p dcv-resolver` before this test"
        );
        let mut child = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(config)
            .env("DCV_RESOLVER_OPS_LISTEN", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = child.stderr.take().unwrap();
        // It ends also where it never listens.
        let mut resolver = Self { child, port: 0 };
        let mut log = BufReader::new(log).lines().map(Result::unwrap);
        let listening = log
            .by_ref()
            .map(|line| serde_json::from_str::<Value>(&line).unwrap())
            .find(|event| event["message"] == "listening")
            .expect("the resolver ended before it listened");
        let address: SocketAddr = listening["address"].as_str().unwrap().parse().unwrap();
        resolver.port = address.port();
        // A full pipe would block the process.
        thread::spawn(move || log.for_each(drop));
        resolver
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
