//! [`Listener`]: a TCP or Unix socket that accepts connections.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

use crate::stream::Stream;

/// A socket that accepts connections: a TCP socket or a Unix socket.
#[derive(Debug)]
pub struct Listener(Kind);

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// A connection and the address of the peer, which a Unix socket does not have.
pub(crate) type Accepted = (Stream, Option<SocketAddr>);

impl Listener {
    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        match &self.0 {
            Kind::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok(tcp(stream, peer))
            }
            #[cfg(unix)]
            Kind::Unix(listener) => {
                let (stream, _unnamed) = listener.accept().await?;
                Ok((Stream::Unix(stream), None))
            }
        }
    }

    /// Returns the connections that wait in the kernel, and closes the listener
    /// right after the last of them. The kernel resets connections that are
    /// still waiting when the listener is closed; this way there are hardly
    /// any.
    pub(crate) fn into_waiting(self) -> impl Iterator<Item = Accepted> {
        // The runtime may not know of them yet, but the kernel does.
        let mut next: Box<dyn FnMut() -> io::Result<Accepted>> = match self.0 {
            Kind::Tcp(listener) => {
                let listener = listener.into_std();
                Box::new(move || {
                    let listener = listener.as_ref().map_err(|error| error.kind())?;
                    let (stream, peer) = listener.accept()?;
                    stream.set_nonblocking(true)?;
                    Ok(tcp(TcpStream::from_std(stream)?, peer))
                })
            }
            #[cfg(unix)]
            Kind::Unix(listener) => {
                let listener = listener.into_std();
                Box::new(move || {
                    let listener = listener.as_ref().map_err(|error| error.kind())?;
                    let (stream, _unnamed) = listener.accept()?;
                    stream.set_nonblocking(true)?;
                    Ok((Stream::Unix(UnixStream::from_std(stream)?), None))
                })
            }
        };
        std::iter::from_fn(move || next().ok())
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self(Kind::Tcp(listener))
    }
}

#[cfg(unix)]
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self(Kind::Unix(listener))
    }
}

/// Sets `TCP_NODELAY`. A response is written at once, so waiting to fill a
/// segment would only delay it.
fn tcp(stream: TcpStream, peer: SocketAddr) -> Accepted {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "cannot set TCP_NODELAY");
    }
    (Stream::Tcp(stream), Some(peer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn accepted_connection_has_nodelay_set() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).await.unwrap();
        let (stream, peer) = Listener::from(listener).accept().await.unwrap();
        let Stream::Tcp(stream) = stream else {
            panic!("not TCP");
        };
        assert!(stream.nodelay().unwrap());
        assert_eq!(peer.unwrap(), client.local_addr().unwrap());
    }

    #[tokio::test]
    async fn waiting_connections_are_accepted_before_the_listener_closes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // Nothing is awaited here, so that the runtime cannot know.
        let clients = [(); 3].map(|()| std::net::TcpStream::connect(address).unwrap());
        let accepted: Vec<_> = Listener::from(listener).into_waiting().collect();
        assert_eq!(
            accepted
                .iter()
                .map(|(_, peer)| peer.unwrap())
                .collect::<Vec<_>>(),
            clients.map(|client| client.local_addr().unwrap()),
        );
        // The system gives the port to no one else while these connections last.
        assert!(std::net::TcpStream::connect(address).is_err());
    }
}
