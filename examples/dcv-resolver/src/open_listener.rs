//! [`OpenListener`]: a socket that listens.

use std::io;
use std::net::SocketAddr;

use dcv_resolver_server::{self as server, Listener};
use tokio::net::TcpListener;

use crate::config::ListenAddress;
use crate::failure::Failure;
use crate::socket_file::SocketFile;

/// A socket that listens, on an address or a Unix socket.
#[derive(Debug)]
pub(crate) struct OpenListener {
    pub(crate) listener: Listener,
    /// The address as it is shown in the log.
    pub(crate) address: String,
    /// The address, unless it is a Unix socket.
    pub(crate) tcp: Option<SocketAddr>,
    /// Kept until the end of the process.
    pub(crate) file: Option<SocketFile>,
}

impl OpenListener {
    /// Returns the listener on a TCP socket.
    pub(crate) fn over_tcp(listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(Self {
            address: address.to_string(),
            tcp: Some(address),
            listener: listener.into(),
            file: None,
        })
    }
}

/// Listens on `address`, which `flag` sets.
pub(crate) async fn listen(address: &ListenAddress, flag: &str) -> Result<OpenListener, Failure> {
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
        ListenAddress::Ip(address) => OpenListener::over_tcp(server::listen(*address)?),
        ListenAddress::Name { name, port } => {
            let found = tokio::net::lookup_host((name.as_str(), *port)).await?;
            // A listener has one address; most gateways connect over IPv4.
            let first = found.min_by_key(SocketAddr::is_ipv6);
            let first = first.ok_or_else(|| io::Error::other("the name has no address"))?;
            OpenListener::over_tcp(server::listen(first)?)
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
