//! [`listen`] and [`from_std`]: listeners for a server.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// Listens on `address`, with a backlog of 1,024 connections that wait to be
/// accepted.
///
/// `TcpListener::bind` has a backlog of 128. When more clients connect at once,
/// the kernel drops handshakes that the client considers complete.
///
/// # Errors
///
/// Returns the error of the operating system, such as
/// [`AddrInUse`](io::ErrorKind::AddrInUse).
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // As `TcpListener::bind` does: a restart need not wait for old connections.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

/// Converts a listener of the standard library, such as one that a service
/// manager passed to the process, into one of tokio.
///
/// Tokio's own `TcpListener::from_std` expects a non-blocking listener, and a
/// server over a blocking one would hang. This function makes it non-blocking.
///
/// # Errors
///
/// Returns the error of the operating system.
///
/// # Panics
///
/// Panics outside of a tokio runtime.
pub fn from_std(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}
