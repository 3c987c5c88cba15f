//! [`Resolver`]: the ready binary as a process, and the reader of its log.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use dcv_resolver_test_support::port::free_port;

use crate::failure::{Failure, Result, doing};
use crate::http::Connection;
use crate::options::Options;
use crate::sessions;
use crate::tally::Tally;

/// The bearer token of the agents.
pub(crate) const TOKEN: &str = "soak-token-that-only-this-run-uses-0123456789";

pub(crate) struct Resolver {
    child: Child,
    pub(crate) gateways: SocketAddr,
    pub(crate) operators: SocketAddr,
    folder: PathBuf,
    log: LogReader,
}

impl Resolver {
    /// Starts it on a database, a session file and Redis, in this order.
    pub(crate) fn start(options: &Options, folder: &Path, redis: SocketAddr) -> Result<Self> {
        let listener = || (Ipv4Addr::LOCALHOST, free_port()).into();
        let (gateways, operators) = (listener(), listener());
        let write = |name: &str, text: &str| {
            fs::write(folder.join(name), text).map_err(doing(format!("cannot write {name}")))
        };
        write("sessions.toml", &sessions::file("file", 0))?;
        write("redis.toml", &sessions::file("redis", 0))?;
        write("tokens", &format!("agents read-write {TOKEN}\n"))?;
        write("resolver.toml", &configuration(gateways, operators, redis))?;
        import(options, folder, "sqlite:sessions.db", "sessions.toml")?;
        import(options, folder, &format!("redis://{redis}"), "redis.toml")?;

        let mut child = Command::new(&options.resolver)
            .args(["serve", "--config", "resolver.toml"])
            .current_dir(folder)
            .env("RUST_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(doing("cannot start the resolver"))?;
        #[expect(clippy::expect_used, reason = "it is taken once, here")]
        let stderr = child.stderr.take().expect("standard error is piped");
        let resolver = Self {
            log: LogReader::spawn(stderr, folder.join("log.json"))?,
            child,
            gateways,
            operators,
            folder: folder.to_owned(),
        };
        resolver.wait_until_ready(Duration::from_secs(60))?;
        Ok(resolver)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log_path(&self) -> &Path {
        &self.log.path
    }

    pub(crate) fn session_file(&self) -> PathBuf {
        self.folder.join("sessions.toml")
    }

    /// Stops reading the log, or reads on.
    pub(crate) fn stall_log(&self, stall: bool) {
        self.log.stalled.store(stall, Ordering::SeqCst);
    }

    /// Waits until all stores answer.
    pub(crate) fn wait_until_ready(&self, patience: Duration) -> Result<()> {
        self.wait_for_readiness(200, patience)
    }

    /// Waits until the resolver has noticed that a store does not answer.
    pub(crate) fn wait_until_unready(&self, patience: Duration) -> Result<()> {
        self.wait_for_readiness(503, patience)
    }

    fn wait_for_readiness(&self, status: u16, patience: Duration) -> Result<()> {
        let began = Instant::now();
        let mut connection = Connection::new(self.operators);
        loop {
            match connection.request("GET", "/readyz", "", "") {
                Ok(response) if response.status == status => return Ok(()),
                last if began.elapsed() > patience => {
                    return Err(Failure::Other(format!(
                        "/readyz does not become {status}: {last:?}"
                    )));
                }
                _ => thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    pub(crate) fn signal(&self, name: &str) -> bool {
        let pid = self.id().to_string();
        let kill = Command::new("kill").args(["-s", name, &pid]).status();
        kill.is_ok_and(|status| status.success())
    }

    /// Stops it while its log is not read, and looks for panics in the log.
    pub(crate) fn stop(&mut self, tally: &Tally) {
        const PATIENCE: Duration = Duration::from_secs(20);

        self.stall_log(true);
        let began = Instant::now();
        if !self.signal("TERM") {
            tally.violation("SIGTERM", "cannot be sent");
        }
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break Some(status),
                _ if began.elapsed() > PATIENCE => break None,
                _ => thread::sleep(Duration::from_millis(20)),
            }
        };
        match status {
            Some(status) if status.success() => {
                let ms = began.elapsed().as_millis();
                tally.note("shutdown_ms", u64::try_from(ms).unwrap_or(u64::MAX));
            }
            Some(status) => tally.violation("exit status", status.to_string()),
            None => tally.violation("shutdown", format!("still running after {PATIENCE:?}")),
        }
        self.stall_log(false);
        self.log.finish();
        self.look_for_panics(tally);
    }

    fn look_for_panics(&self, tally: &Tally) {
        let Ok(log) = fs::read_to_string(self.log_path()) else {
            return tally.violation("log", "cannot be read");
        };
        tally.note("log lines", log.lines().count() as u64);
        for line in log.lines().filter(|line| line.contains("panic")) {
            tally.violation("panic", line);
        }
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        // It fails where the process has ended by itself.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn import(options: &Options, folder: &Path, store: &str, file: &str) -> Result<()> {
    let output = Command::new(&options.resolver)
        .args(["import", file, "--store", store])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(doing("cannot start the resolver"))?;
    if output.status.success() {
        return Ok(());
    }
    let error = String::from_utf8_lossy(&output.stderr);
    Err(Failure::Other(format!("cannot import {file}: {error}")))
}

fn configuration(gateways: SocketAddr, operators: SocketAddr, redis: SocketAddr) -> String {
    format!(
        r#"listen = "{gateways}"

[[stores]]
name = "agents"
url = "sqlite:sessions.db"
cache = {{ stale_if_error_ms = 60000 }}

[[stores]]
name = "by-hand"
url = "file:sessions.toml"

[[stores]]
name = "shared"
url = "redis://{redis}"
cache = {{ stale_if_error_ms = 60000 }}

[callers]
allowed_networks = ["127.0.0.1"]

[admin]
tokens_file = "tokens"
store = "agents"

[ops]
listen = "{operators}"

[shutdown]
drain_ms = 100
"#
    )
}

/// Copies the log of the resolver to a file, except while it is stalled.
struct LogReader {
    path: PathBuf,
    stalled: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl LogReader {
    fn spawn(mut stderr: ChildStderr, path: PathBuf) -> Result<Self> {
        let mut file = File::create(&path).map_err(doing("cannot create the log"))?;
        let stalled = Arc::new(AtomicBool::new(false));
        let is_stalled = Arc::clone(&stalled);
        let thread = thread::spawn(move || {
            let mut piece = [0; 65536];
            loop {
                while is_stalled.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(20));
                }
                match stderr.read(&mut piece) {
                    Ok(0) | Err(_) => return,
                    Ok(read) => {
                        let lines = piece.get(..read).unwrap_or_default();
                        if file.write_all(lines).is_err() {
                            return;
                        }
                    }
                }
            }
        });
        Ok(Self {
            path,
            stalled,
            thread: Some(thread),
        })
    }

    fn finish(&mut self) {
        if let Some(thread) = self.thread.take() {
            // The thread has no way to panic.
            let _ = thread.join();
        }
    }
}
