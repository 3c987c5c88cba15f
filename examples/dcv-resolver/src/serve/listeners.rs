//! [`Listeners`]: the sockets for gateways and operators.

use std::io;
use std::net::SocketAddr;

use dcv_resolver_server as server;
use listenfd::ListenFd;
use tokio::net::TcpListener;

use crate::config::{Config, Listen};
use crate::failure::Failure;

/// The listeners, open.
#[derive(Debug)]
pub(super) struct Listeners {
    pub(super) gateways: TcpListener,
    pub(super) operators: Option<TcpListener>,
}

impl Listeners {
    /// Returns the address of the operators' listener, which is not that of the
    /// configuration if a service manager passed the socket.
    pub(super) fn ops_address(&self) -> Option<SocketAddr> {
        self.operators.as_ref()?.local_addr().ok()
    }

    /// Takes the sockets that a service manager passed: for gateways the one
    /// named `resolver`, or the first; for operators the one named `ops`. Opens
    /// those that are missing.
    pub(super) fn open(config: &Config) -> Result<Self, Failure> {
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
                "the service manager passed more sockets than are used: the one named resolver, or else the first, and the one named ops",
            );
        }
        let mut take = |index: Option<usize>| {
            let socket = index.map(|index| passed.take_tcp_listener(index));
            match socket.and_then(Result::transpose) {
                None => Ok(None),
                Some(socket) => socket.and_then(server::from_std).map(Some).map_err(|error| {
                    Failure::setup(format!(
                        "cannot use the socket from the service manager: {error}; expected a TCP socket"
                    ))
                }),
            }
        };
        let (gateways, operators) = (take(gateways)?, take(operators)?);
        Ok(Self {
            gateways: match gateways {
                Some(listener) => listener,
                None => listen(config.listen.0, "--listen")?,
            },
            operators: match (operators, config.ops.listen) {
                (Some(listener), _) => Some(listener),
                (None, Listen::At(address)) => Some(listen(address, "--ops-listen")?),
                (None, Listen::Off) => None,
            },
        })
    }
}

fn listen(address: SocketAddr, flag: &str) -> Result<TcpListener, Failure> {
    server::listen(address).map_err(|error| {
        let remedy = match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("; stop the program that uses it, or choose another {flag}")
            }
            _ => String::new(),
        };
        Failure::setup(format!("cannot listen on {address}: {error}{remedy}"))
    })
}
