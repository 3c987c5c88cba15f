//! Clients that each ask again as soon as they are answered, of one process and
//! one thread, for any number of servers at once.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::answer::Answer;
use crate::context::Context;
use crate::failure::{Failure, Result, While};
use crate::process;
use crate::request::Request;
use crate::target::{Kind, NAME, Target};

#[derive(Debug, clap::Args)]
pub(crate) struct Load {
    /// How long; until each session was asked for once unless given.
    #[arg(long)]
    seconds: Option<f64>,
    /// Of each server.
    #[arg(long)]
    connections: usize,
    /// The CA of those that are asked over TLS.
    #[arg(long)]
    ca: Option<PathBuf>,
    targets: Vec<Target>,
}

/// Loads `targets` in one process, and returns how many requests each
/// has answered. A wrong answer is a failure.
pub(crate) fn on(
    context: &Context,
    seconds: Option<f64>,
    ca: Option<&Path>,
    targets: &[Target],
) -> Result<Vec<u64>> {
    let mut command = process::on_core(context.settings.load_core, &context.this_program);
    let connections = context.settings.connections.to_string();
    command.args(["load", "--connections", &connections]);
    if let Some(seconds) = seconds {
        command.args(["--seconds", &seconds.to_string()]);
    }
    if let Some(ca) = ca {
        command.arg("--ca").arg(ca);
    }
    command.args(targets.iter().map(Target::to_string));
    let output = process::output(&mut command)?;
    output.lines().map(process::number).collect()
}

pub(crate) fn run(load: &Load) -> Result {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.while_doing("cannot start a runtime")?;
    let answered = runtime.block_on(ask_all(load))?;
    for answered in answered {
        println!("{answered}");
    }
    Ok(())
}

/// How many answers have come from each.
async fn ask_all(load: &Load) -> Result<Vec<u64>> {
    let tls = load.ca.as_deref().map(connector).transpose()?;
    // Connecting is not what is measured.
    let all = load.connections * load.targets.len();
    let connected = Arc::new(Barrier::new(all));
    let mut loaded = Vec::new();
    for target in &load.targets {
        let mut connections = JoinSet::new();
        for number in 0..load.connections {
            let client = Client {
                target: target.clone(),
                number,
                of: load.connections,
                seconds: load.seconds,
                connected: Arc::clone(&connected),
            };
            let stream = connect(target).await;
            let stream = stream.while_doing(format_args!("cannot connect to {target}"))?;
            match &tls {
                Some(tls) if target.kind == Kind::Https => {
                    let stream = tls.connect(ServerName::try_from(NAME).while_doing(NAME)?, stream);
                    let stream = stream.await;
                    let stream = stream.while_doing(format_args!("no TLS with {target}"))?;
                    connections.spawn(client.ask(stream));
                }
                _ => {
                    connections.spawn(client.ask(stream));
                }
            }
        }
        loaded.push(connections);
    }
    let mut answered = Vec::new();
    for mut connections in loaded {
        let mut sum = 0;
        while let Some(client) = connections.join_next().await {
            sum += client.while_doing("a client has panicked")??;
        }
        answered.push(sum);
    }
    Ok(answered)
}

async fn connect(target: &Target) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(target.address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn connector(ca: &Path) -> Result<TlsConnector> {
    let certificate = CertificateDer::from_pem_file(ca);
    let certificate = certificate.while_doing(format_args!("cannot read {}", ca.display()))?;
    let mut roots = RootCertStore::empty();
    let added = roots.add(certificate);
    added.while_doing(format_args!("cannot trust {}", ca.display()))?;
    let config =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .while_doing("no TLS")?
            .with_root_certificates(roots)
            .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// One connection.
struct Client {
    target: Target,
    number: usize,
    of: usize,
    seconds: Option<f64>,
    connected: Arc<Barrier>,
}

impl Client {
    /// How many answers have come.
    async fn ask<S: AsyncRead + AsyncWrite + Unpin>(self, mut stream: S) -> Result<u64> {
        let sessions = self.target.sessions;
        let mut request = Request::new(self.number);
        let mut answer = Answer::new();
        let mut answered = 0;
        self.connected.wait().await;
        match self.seconds {
            Some(seconds) => {
                let until = Instant::now() + Duration::from_secs_f64(seconds);
                while Instant::now() < until {
                    request.set_any(sessions);
                    self.ask_once(&mut stream, &request, &mut answer).await?;
                    answered += 1;
                }
            }
            None => {
                for session in (self.number..sessions).step_by(self.of) {
                    request.set(session);
                    self.ask_once(&mut stream, &request, &mut answer).await?;
                    answered += 1;
                }
            }
        }
        Ok(answered)
    }

    async fn ask_once(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        request: &Request,
        answer: &mut Answer,
    ) -> Result {
        let target = &self.target;
        let written = stream.write_all(request.bytes()).await;
        written.while_doing(format_args!("cannot ask {target}"))?;
        answer.clear();
        loop {
            let read = stream.read(answer.room()).await;
            let read = read.while_doing(format_args!("{target} does not answer"))?;
            let is_whole = answer.add(read);
            if is_whole.while_doing(format_args!("{target} does not answer"))? {
                break;
            }
        }
        if answer.is_right(target.kind, request.id()) {
            return Ok(());
        }
        Err(Failure::new(format!(
            "{target} was asked for session {}, which it has, and answered {:?}",
            String::from_utf8_lossy(request.id()),
            answer.text(),
        )))
    }
}
