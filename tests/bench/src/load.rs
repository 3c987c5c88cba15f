//! The clients: connections that each ask again as soon as they are answered,
//! of one process and one thread, for any number of servers at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dcv_resolver_bench::sessions;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::process;
use crate::rows::Context;

/// How many different sessions are asked for, at the most; the clients' memory
/// is not what is measured.
const MAX_TARGETS: usize = 250_000;

/// What a certificate of a server is for.
pub(crate) const NAME: &str = "resolver.example";

#[derive(Debug, clap::Args)]
pub(crate) struct Load {
    #[arg(long)]
    seconds: u64,
    /// Of each server.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Requests a second, all connections together, however long an answer
    /// takes; as many as are answered unless given.
    #[arg(long)]
    per_s: Option<u32>,
    /// The CA of those that are asked over TLS.
    #[arg(long)]
    ca: Option<PathBuf>,
    /// Each as `http:ADDRESS:SESSIONS` or `https:…`.
    servers: Vec<String>,
}

/// What one server has answered.
#[derive(Debug, Default, Clone)]
pub(crate) struct Answered {
    pub(crate) found: u64,
    pub(crate) failed: u64,
    pub(crate) p99: Duration,
}

/// Loads `servers` in one process, and tells what each has answered.
pub(crate) fn on(context: &Context, arguments: &[&str], servers: &[String]) -> Vec<Answered> {
    let mut command = process::on_core(context.settings.load_core, &context.this_program);
    command.arg("load").args(arguments).args(servers);
    let output = process::output(&mut command);
    let answered: Vec<_> = output.lines().map(Answered::parse).collect();
    assert_eq!(answered.len(), servers.len());
    answered
}

impl Answered {
    fn parse(line: &str) -> Self {
        let numbers: Vec<u64> = line
            .split(' ')
            .map(|number| number.parse().unwrap())
            .collect();
        let [found, failed, p99_us] = numbers[..] else {
            panic!("the clients said {line:?}");
        };
        Self {
            found,
            failed,
            p99: Duration::from_micros(p99_us),
        }
    }
}

/// What one connection has seen.
#[derive(Debug, Default)]
struct Seen {
    times_us: Vec<u32>,
    failed: u64,
}

pub(crate) fn run(load: &Load) {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            let until = Instant::now() + Duration::from_secs(load.seconds);
            let tls = load.ca.as_ref().map(connector);
            let mut loaded = Vec::new();
            for server in &load.servers {
                let mut parts = server.splitn(2, ':');
                let scheme = parts.next().unwrap();
                let (address, sessions) = parts.next().unwrap().rsplit_once(':').unwrap();
                let requests = requests(sessions.parse().unwrap());
                let mut connections = JoinSet::new();
                for number in 0..load.connections {
                    let client = Client {
                        requests: Arc::clone(&requests),
                        next: number * 7919,
                        until,
                        interval: load
                            .per_s
                            .map(|per_s| Duration::from_secs(1) * load.connections as u32 / per_s),
                    };
                    let stream = TcpStream::connect(address).await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    match &tls {
                        Some(tls) if scheme == "https" => {
                            let name = ServerName::try_from(NAME).unwrap();
                            let stream = tls.connect(name, stream).await.unwrap();
                            connections.spawn(client.ask(stream));
                        }
                        _ => {
                            connections.spawn(client.ask(stream));
                        }
                    }
                }
                loaded.push(connections);
            }
            for connections in loaded {
                let seen = connections.join_all().await;
                print(seen);
            }
        });
}

fn print(seen: Vec<Seen>) {
    let failed: u64 = seen.iter().map(|seen| seen.failed).sum();
    let mut times: Vec<_> = seen.into_iter().flat_map(|seen| seen.times_us).collect();
    times.sort_unstable();
    let p99 = times.get(times.len() * 99 / 100).unwrap_or(&0);
    println!("{} {failed} {p99}", times.len());
}

fn connector(ca: &PathBuf) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(ca).unwrap())
        .unwrap();
    let config =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// A request for each of the sessions, or for as many spread over all of them.
fn requests(sessions: usize) -> Arc<[Vec<u8>]> {
    let count = sessions.min(MAX_TARGETS);
    (0..count)
        .map(|number| {
            let target = sessions::target(number * (sessions / count));
            format!("POST {target} HTTP/1.1\r\nhost: {NAME}:9000\r\ncontent-length: 0\r\n\r\n")
                .into_bytes()
        })
        .collect()
}

struct Client {
    requests: Arc<[Vec<u8>]>,
    /// Any number.
    next: usize,
    until: Instant,
    interval: Option<Duration>,
}

impl Client {
    async fn ask<S: AsyncRead + AsyncWrite + Unpin>(mut self, mut stream: S) -> Seen {
        let mut seen = Seen::default();
        let mut buffer = vec![0; 4096];
        let mut ticks = self.interval.map(tokio::time::interval);
        while Instant::now() < self.until {
            if let Some(ticks) = &mut ticks {
                ticks.tick().await;
            }
            // Pseudo-random: in turn would find what was asked for just before
            // in the processor's cache.
            self.next = self
                .next
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let request = &self.requests[(self.next >> 33) % self.requests.len()];
            let asked = Instant::now();
            stream.write_all(request).await.unwrap();
            let found = read_answer(&mut stream, &mut buffer).await;
            let took = asked.elapsed();
            if found {
                let us = took.as_micros().try_into().unwrap_or(u32::MAX);
                seen.times_us.push(us);
            } else {
                seen.failed += 1;
            }
        }
        seen
    }
}

/// Whether it is a 200. A connection that breaks ends the measurement.
async fn read_answer(stream: &mut (impl AsyncRead + Unpin), buffer: &mut [u8]) -> bool {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await.unwrap();
        assert_ne!(read, 0, "the server closed the connection");
        filled += read;
        let answer = &buffer[..filled];
        if let Some(length) = whole_length(answer) {
            assert!(length >= filled, "more than one answer");
            if length == filled {
                return answer.starts_with(b"HTTP/1.1 200");
            }
        }
    }
}

/// How long the answer is that begins so, head and body; `None` before the end
/// of the head.
fn whole_length(answer: &[u8]) -> Option<usize> {
    const LENGTH: &[u8] = b"content-length: ";

    let head = answer.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let at = answer
        .windows(LENGTH.len())
        .position(|name| name == LENGTH)?;
    let digits = answer[at + LENGTH.len()..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    let body = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    Some(head + body)
}
