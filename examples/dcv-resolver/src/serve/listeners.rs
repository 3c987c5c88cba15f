//! [`Listeners`]: where connections come in.

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
    /// Takes the sockets that a service manager has handed over, and listens
    /// itself where there is none: for gateways the one called `resolver`, or
    /// the first, and for operators the one called `ops`.
    pub(super) fn open(config: &Config) -> Result<Self, Failure> {
        let mut handed = ListenFd::from_env();
        // As sd_listen_fds_with_names(3) has it.
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let names: Vec<_> = names.split(':').take(handed.len()).collect();
        let at = |name| names.iter().position(|it| *it == name);
        let operators = at("ops");
        let first = (0..handed.len()).find(|&index| Some(index) != operators);
        let gateways = at("resolver").or(first);

        let unused = handed.len() - [gateways, operators].iter().flatten().count();
        if unused > 0 {
            tracing::warn!(
                unused,
                "of the sockets that were handed over, only the one called resolver, or else the first, and the one called ops are used",
            );
        }
        let mut take = |index: Option<usize>| {
            let socket = index.map(|index| handed.take_tcp_listener(index));
            match socket.and_then(Result::transpose) {
                None => Ok(None),
                Some(socket) => socket.and_then(server::from_std).map(Some).map_err(|error| {
                    Failure::setup(format!(
                        "cannot use the socket that was handed over: {error}; a TCP socket was expected"
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
