//! [`Listeners`]: the sockets for gateways and operators.

use std::io;
use std::net::SocketAddr;

use dcv_resolver_server as server;
use listenfd::ListenFd;
use tokio::net::UnixListener;

use crate::config::{Config, Listen};
use crate::failure::Failure;
use crate::open_listener::{OpenListener, listen};

/// The listeners, open.
#[derive(Debug)]
pub(super) struct Listeners {
    pub(super) gateways: OpenListener,
    pub(super) operators: Option<OpenListener>,
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
        Some(listener) => OpenListener::over_tcp(server::from_std(listener)?),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}
