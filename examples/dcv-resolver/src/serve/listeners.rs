//! [`Listeners`]: the sockets for gateways and operators.

use std::io;
use std::net::SocketAddr;

use dcv_resolver_server::{self as server, Listener};
use listenfd::ListenFd;
use tokio::net::UnixListener;

use super::socket_file::SocketFile;
use crate::config::{Config, Listen, ListenAddress};
use crate::failure::Failure;

/// The listeners, open.
#[derive(Debug)]
pub(super) struct Listeners {
    pub(super) gateways: OpenListener,
    pub(super) operators: Option<OpenListener>,
}

#[derive(Debug)]
pub(super) struct OpenListener {
    pub(super) listener: Listener,
    /// For the log.
    pub(super) address: String,
    tcp: Option<SocketAddr>,
    /// To be kept until the end.
    pub(super) file: Option<SocketFile>,
}

impl Listeners {
    /// Returns the address of the operators' listener, which is not that of the
    /// configuration if a service manager passed the socket. A Unix socket has
    /// none.
    pub(super) fn ops_address(&self) -> Option<SocketAddr> {
        self.operators.as_ref()?.tcp
    }

    /// Returns whether callers have an address: those of a Unix socket have none.
    pub(super) fn callers_have_addresses(&self) -> bool {
        self.gateways.tcp.is_some()
    }

    /// Takes the sockets that a service manager passed: for gateways the one
    /// named `resolver`, or the first; for operators the one named `ops`. Opens
    /// those that are missing.
    pub(super) async fn open(config: &Config) -> Result<Self, Failure> {
        let mut passed = ListenFd::from_env();
        // See sd_listen_fds_with_names(3).
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let names: Vec<_> = names.split(':').take(passed.len()).collect();
        let at = |name| names.iter().position(|it| *it == name);
        let operators = at("ops");
        let first = (0..passed.len()).find(|&index| Some(index) != operators);
        let gateways = at("resolver").or(first);

        let unused = passed.len() - [gateways, operators].iter().flatten().count();
        if unused > 0 {
            tracing::warn!(
                unused,
                "the service manager passed more sockets than are used; this program uses only the one named resolver, or else the first, and the one named ops",
            );
        }
        let mut take_if_any = |index: Option<usize>| {
            let socket = index.map(|index| take(&mut passed, index));
            socket.transpose().map_err(|error| {
                Failure::setup(format!(
                    "cannot use the socket from the service manager: {error}; expected a TCP or Unix socket"
                ))
            })
        };
        let (gateways, operators) = (take_if_any(gateways)?, take_if_any(operators)?);
        Ok(Self {
            gateways: match gateways {
                Some(listener) => listener,
                None => listen(&config.listen.0, "--listen").await?,
            },
            operators: match (operators, &config.ops.listen) {
                (Some(listener), _) => Some(listener),
                (None, Listen::At(address)) => Some(listen(address, "--ops-listen").await?),
                (None, Listen::Off) => None,
            },
        })
    }
}

/// Takes a socket that was passed. Its file belongs to the service manager.
fn take(passed: &mut ListenFd, index: usize) -> io::Result<OpenListener> {
    if let Ok(Some(listener)) = passed.take_unix_listener(index) {
        let address = listener.local_addr()?;
        let path = address.as_pathname();
        listener.set_nonblocking(true)?;
        return Ok(OpenListener {
            address: path.map_or_else(
                || "unix:".to_owned(),
                |path| format!("unix:{}", path.display()),
            ),
            tcp: None,
            listener: UnixListener::from_std(listener)?.into(),
            file: None,
        });
    }
    match passed.take_tcp_listener(index)? {
        Some(listener) => over_tcp(server::from_std(listener)?),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

async fn listen(address: &ListenAddress, flag: &str) -> Result<OpenListener, Failure> {
    open(address).await.map_err(|error| {
        let remedy = match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("; stop the program that uses it, or choose another {flag}")
            }
            io::ErrorKind::NotFound if matches!(address, ListenAddress::Unix(_)) => {
                "; create its folder".to_owned()
            }
            _ => String::new(),
        };
        Failure::setup(format!("cannot listen on {address}: {error}{remedy}"))
    })
}

async fn open(address: &ListenAddress) -> io::Result<OpenListener> {
    match address {
        ListenAddress::Ip(address) => over_tcp(server::listen(*address)?),
        ListenAddress::Name { name, port } => {
            let found = tokio::net::lookup_host((name.as_str(), *port)).await?;
            // A listener has one address; most gateways connect over IPv4.
            let first = found.min_by_key(SocketAddr::is_ipv6);
            let first = first.ok_or_else(|| io::Error::other("the name has no address"))?;
            over_tcp(server::listen(first)?)
        }
        ListenAddress::Unix(path) => {
            let (listener, file) = SocketFile::listen(path)?;
            Ok(OpenListener {
                listener: listener.into(),
                address: address.to_string(),
                tcp: None,
                file: Some(file),
            })
        }
    }
}

fn over_tcp(listener: tokio::net::TcpListener) -> io::Result<OpenListener> {
    let address = listener.local_addr()?;
    Ok(OpenListener {
        address: address.to_string(),
        tcp: Some(address),
        listener: listener.into(),
        file: None,
    })
}
