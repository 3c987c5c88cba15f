//! [`Resolver`]: the ready binary as a process.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dcv_resolver_bench::sessions;
use dcv_resolver_core::{Clock, SystemClock};
use tempfile::TempDir;

use crate::address;
use crate::admin_request::BEARER;
use crate::certificate;
use crate::context::Context;
use crate::failure::{Failure, Result, While};
use crate::file;
use crate::process::{self, Process, on_core};
use crate::store::{Prepared, Store};
use crate::target::{Kind, Target};

/// A resolver that serves, with the defaults of production but for what is
/// measured.
#[derive(Debug)]
pub(crate) struct Resolver {
    pub(crate) process: Process,
    /// From its start to its first answer.
    pub(crate) first_answer: Duration,
    pub(crate) target: Target,
    /// Where operators ask.
    pub(crate) operators: SocketAddr,
    pub(crate) folder: TempDir,
    store: Prepared,
}

/// What one is started with.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) store: Store,
    pub(crate) sessions: usize,
    /// `RUST_LOG`; what is logged goes to a file.
    pub(crate) log: &'static str,
    pub(crate) tls: bool,
    /// Whether it has the admin API; its sessions are leases then.
    pub(crate) admin: bool,
    /// Whether it may run on all cores.
    pub(crate) all_cores: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            store: Store::File,
            sessions: 1_000,
            log: "warn",
            tls: false,
            admin: false,
            all_cores: false,
        }
    }
}

impl Resolver {
    pub(crate) fn start(context: &Context, setup: &Setup) -> Result<Self> {
        let folder = tempfile::tempdir().while_doing("cannot make a folder")?;
        let path = |name: &str| folder.path().join(name);
        if setup.admin {
            write_leased_sessions(folder.path(), setup.sessions)?;
        } else {
            write_sessions(folder.path(), setup.sessions)?;
        }
        let store = setup.store.prepare(context, folder.path())?;
        let mut config = String::new();
        if setup.tls {
            certificate::write(folder.path())?;
            config.push_str(
                "[tls]\ncertificate_file = \"certificate.pem\"\nkey_file = \"key.pem\"\n",
            );
        }
        if setup.admin {
            file::write(&path("tokens"), format!("agents read-write {BEARER}\n"))?;
            // A sweep of its own would come between those that are measured.
            config.push_str("[admin]\ntokens_file = \"tokens\"\nsweep_interval_ms = 0\n");
        }
        config.push_str(&store.config);
        file::write(&path("resolver.toml"), config)?;

        let (listen, operators) = (address::free(), address::free());
        let mut command = if setup.all_cores {
            Command::new(&context.resolver)
        } else {
            on_core(context.settings.server_core, &context.resolver)
        };
        let log_path = path("log.json");
        let log = File::create(&log_path).while_doing("cannot make a log file")?;
        command
            .args(["serve", "--listen", &listen.to_string()])
            .args(["--ops-listen", &operators.to_string(), "--config"])
            .arg(path("resolver.toml"))
            .env("RUST_LOG", setup.log)
            .stdout(Stdio::null())
            .stderr(log);
        let started = Instant::now();
        let mut process = Process::start(&mut command)?;
        let patience = Duration::from_secs(120);
        let answers = || answers(listen, setup.tls).unwrap_or(false);
        address::wait(&mut process, "the resolver", patience, answers)
            .map_err(|failure| with_log(&failure, &log_path))?;
        Ok(Self {
            process,
            first_answer: started.elapsed(),
            target: Target {
                kind: if setup.tls { Kind::Https } else { Kind::Http },
                address: listen,
                sessions: setup.sessions,
            },
            operators,
            folder,
            store,
        })
    }

    /// Where its sessions are.
    pub(crate) fn store_url(&self) -> &str {
        &self.store.url
    }

    /// The value of a metric; 0 where it is not there yet.
    pub(crate) fn metric(&self, name: &str) -> Result<f64> {
        let answer = self.page("/metrics")?;
        let value = answer.lines().find_map(|line| line.strip_prefix(name));
        value.map_or(Ok(0.0), process::number)
    }

    /// The answer to operators who ask for `path`.
    pub(crate) fn page(&self, path: &str) -> Result<String> {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        exchange(self.operators, &request).while_doing(format_args!("no answer to GET {path}"))
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join(certificate::CA)
    }
}

/// Whether it finds a session; over TLS, whether it accepts.
fn answers(address: SocketAddr, tls: bool) -> io::Result<bool> {
    if tls {
        return TcpStream::connect(address).map(|_| true);
    }
    let request = format!(
        "POST {} HTTP/1.1\r\nhost: resolver.example\r\nconnection: close\r\n\r\n",
        sessions::target(0)
    );
    exchange(address, &request).map(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// What is answered, on a connection of its own.
fn exchange(address: SocketAddr, request: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// With the last line of the log, which has the reason.
fn with_log(failure: &Failure, log: &Path) -> Failure {
    let log = fs::read_to_string(log).unwrap_or_default();
    match log.lines().last() {
        Some(line) => Failure::new(format!("{failure}; it says {line}")),
        None => Failure::new(failure.to_string()),
    }
}

/// Writes a session file into `folder`, for a [`Store`] to be made of.
pub(crate) fn write_sessions(folder: &Path, sessions: usize) -> Result {
    file::write(&folder.join("sessions.json"), sessions::json(sessions))
}

/// The same, of sessions that expire in a day.
pub(crate) fn write_leased_sessions(folder: &Path, sessions: usize) -> Result {
    const DAY: Duration = Duration::from_hours(24);

    let expires_at = SystemClock.now().saturating_add(DAY);
    let json = sessions::leased_json(sessions, expires_at);
    file::write(&folder.join("sessions.json"), json)
}
