//! The ready resolver as a process, over the stores that are compared.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dcv_resolver_bench::sessions;
use tempfile::TempDir;

use crate::process::{self, Process, on_core};
use crate::rows::Context;

/// A resolver that serves, with the defaults of production but for what is
/// measured.
#[derive(Debug)]
pub(crate) struct Resolver {
    pub(crate) process: Process,
    /// From its start to its first answer.
    pub(crate) first_answer: Duration,
    address: String,
    ops: String,
    scheme: &'static str,
    sessions: usize,
    pub(crate) folder: TempDir,
    _redis: Option<Process>,
}

/// What one is started with.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) store: Store,
    pub(crate) sessions: usize,
    /// `RUST_LOG`; what is logged goes to a file.
    pub(crate) log: &'static str,
    pub(crate) tls: bool,
    /// Whether it may run on all cores.
    pub(crate) all_cores: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    File,
    Sqlite,
    CachedSqlite,
    Redis,
    CachedRedis,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            store: Store::File,
            sessions: 1_000,
            log: "warn",
            tls: false,
            all_cores: false,
        }
    }
}

impl Resolver {
    pub(crate) fn start(context: &Context, setup: &Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        sessions::write_file(&path("sessions.json"), setup.sessions);
        let mut redis = None;
        let (url, settings) = match setup.store {
            Store::File => ("file:sessions.json".to_owned(), ""),
            Store::Sqlite => (sqlite(context, folder.path()), NO_CACHE),
            Store::CachedSqlite => (sqlite(context, folder.path()), ""),
            Store::Redis | Store::CachedRedis => {
                let (process, url) = start_redis(context, folder.path());
                redis = Some(process);
                let settings = if setup.store == Store::Redis {
                    NO_CACHE
                } else {
                    ""
                };
                (url, settings)
            }
        };
        let mut config = String::new();
        if setup.tls {
            write_certificate(folder.path());
            config.push_str(
                "[tls]\ncertificate_file = \"certificate.pem\"\nkey_file = \"key.pem\"\n",
            );
        }
        config.push_str(&format!(
            "[[stores]]\nname = \"store\"\nurl = \"{url}\"\n{settings}"
        ));
        fs::write(path("resolver.toml"), config).unwrap();

        let (address, ops) = (free_address(), free_address());
        let mut command = if setup.all_cores {
            Command::new(&context.resolver)
        } else {
            on_core(context.settings.server_core, &context.resolver)
        };
        command
            .args([
                "serve",
                "--listen",
                &address,
                "--ops-listen",
                &ops,
                "--config",
            ])
            .arg(path("resolver.toml"))
            .env("RUST_LOG", setup.log)
            .stdout(Stdio::null())
            .stderr(File::create(path("log.json")).unwrap());
        let started = Instant::now();
        let process = Process::start(&mut command);
        let first_answer = wait_for_answer(&address, setup.tls, started);
        Self {
            process,
            first_answer,
            address,
            ops,
            scheme: if setup.tls { "https" } else { "http" },
            sessions: setup.sessions,
            folder,
            _redis: redis,
        }
    }

    /// For the clients.
    pub(crate) fn target(&self) -> String {
        format!("{}:{}:{}", self.scheme, self.address, self.sessions)
    }

    /// The value of a metric; 0 where it is not there yet.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let mut stream = TcpStream::connect(&self.ops).unwrap();
        let request =
            "GET /metrics HTTP/1.1\r\nhost: resolver.example\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let value = answer.lines().find_map(|line| line.strip_prefix(name));
        value.map_or(0.0, |value| value.trim().parse().unwrap())
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
}

/// What a store answers is kept unless this is said.
const NO_CACHE: &str = "cache = false\n";

fn sqlite(context: &Context, folder: &Path) -> String {
    let url = format!("sqlite:{}", folder.join("sessions.db").display());
    import(context, &url, folder);
    url
}

fn start_redis(context: &Context, folder: &Path) -> (Process, String) {
    let address = free_address();
    let (_, port) = address.rsplit_once(':').unwrap();
    let mut command = on_core(context.settings.load_core, "redis-server");
    command
        .args(["--port", port, "--bind", "127.0.0.1", "--save", "", "--dir"])
        .arg(folder)
        .stdout(Stdio::null());
    let process = Process::start(&mut command);
    let url = format!("redis://{address}");
    wait(
        || TcpStream::connect(&address).is_ok(),
        Duration::from_secs(10),
    );
    import(context, &url, folder);
    (process, url)
}

fn import(context: &Context, url: &str, folder: &Path) {
    // The token is printed, and nobody needs it.
    let _printed = process::output(
        Command::new(&context.resolver)
            .args(["import", "--store", url])
            .arg(folder.join("sessions.json")),
    );
}

/// One that nobody listens on.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Polls until the resolver answers; over TLS, until it accepts.
fn wait_for_answer(address: &str, tls: bool, started: Instant) -> Duration {
    let request = format!(
        "POST {} HTTP/1.1\r\nhost: resolver.example\r\nconnection: close\r\n\r\n",
        sessions::target(0)
    );
    let answers = || {
        let Ok(mut stream) = TcpStream::connect(address) else {
            return false;
        };
        let mut answer = String::new();
        tls || (stream.write_all(request.as_bytes()).is_ok()
            && stream.read_to_string(&mut answer).is_ok()
            && answer.starts_with("HTTP/1.1 200"))
    };
    wait(answers, Duration::from_secs(120));
    started.elapsed()
}

fn wait(mut is_done: impl FnMut() -> bool, patience: Duration) {
    let started = Instant::now();
    while !is_done() {
        assert!(started.elapsed() < patience, "a server does not answer");
        std::thread::sleep(Duration::from_micros(500));
    }
}

fn write_certificate(folder: &Path) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate().unwrap();
    let ca_certificate = ca.self_signed(&ca_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![crate::load::NAME.to_owned()])
        .unwrap()
        .signed_by(&key, &Issuer::new(ca, ca_key))
        .unwrap();
    fs::write(folder.join("ca.pem"), ca_certificate.pem()).unwrap();
    fs::write(folder.join("certificate.pem"), certificate.pem()).unwrap();
    // The word marks every secret of a test.
    let key = format!(
        "tr0ub4dor, a key for a measurement\n{}",
        key.serialize_pem()
    );
    fs::write(folder.join("key.pem"), key).unwrap();
}
