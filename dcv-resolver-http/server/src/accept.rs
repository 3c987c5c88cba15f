//! [`Acceptor`]: the next connection, whatever happens before it comes.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use dcv_resolver_http::LogThrottle;

/// A connection, and whose it is.
pub(super) type Accepted = (TcpStream, SocketAddr);

/// How long to wait when the system has no room for another connection.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a warning is not repeated.
const WARNING_WINDOW: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Acceptor {
    listener: TcpListener,
    warnings: LogThrottle<()>,
}

impl Acceptor {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            warnings: LogThrottle::new(WARNING_WINDOW, |(), suppressed| {
                tracing::warn!(
                    suppressed = suppressed.count,
                    "connections could still not be accepted; raise the limit on open files",
                );
            }),
        }
    }

    /// Waits for the next connection. Nothing is lost when it is cancelled.
    pub(super) async fn accept(&mut self) -> Accepted {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => return without_delay(accepted),
                Err(error) if is_of_one_connection(&error) => {
                    tracing::debug!(%error, "a connection ended before it was accepted");
                }
                // Too many open files, mostly. The connection stays in the
                // backlog, so that asking again at once would ask for ever.
                Err(error) => {
                    if self.warnings.allows(()) {
                        tracing::warn!(
                            %error,
                            "cannot accept connections; if too many files are open, raise the limit on open files",
                        );
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// The connections that the kernel has made already. The listener is
    /// closed right after the last of them, so that next to none is lost
    /// between the two: with the listener the kernel drops what waits there.
    pub(super) fn into_waiting(self) -> impl Iterator<Item = Accepted> {
        // The runtime might not have heard of them yet; the kernel has.
        let listener = self.listener.into_std().ok();
        std::iter::from_fn(move || {
            let (stream, peer) = listener.as_ref()?.accept().ok()?;
            stream.set_nonblocking(true).ok()?;
            let stream = TcpStream::from_std(stream).ok()?;
            Some(without_delay((stream, peer)))
        })
    }
}

/// An answer is written whole: waiting to fill a segment would only delay it.
fn without_delay((stream, peer): Accepted) -> Accepted {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "TCP_NODELAY could not be set");
    }
    (stream, peer)
}

/// Whether the error tells of one connection and not of the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_leaves_without_delay() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).await.unwrap();
        let (stream, peer) = Acceptor::new(listener).accept().await;
        assert!(stream.nodelay().unwrap());
        assert_eq!(peer, client.local_addr().unwrap());
    }

    #[tokio::test]
    async fn what_waits_in_the_kernel_is_accepted_and_nothing_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // Nothing is awaited here, so that the runtime cannot know.
        let clients = [(); 3].map(|()| std::net::TcpStream::connect(address).unwrap());
        let accepted: Vec<_> = Acceptor::new(listener).into_waiting().collect();
        assert_eq!(
            accepted.iter().map(|(_, peer)| *peer).collect::<Vec<_>>(),
            clients.map(|client| client.local_addr().unwrap()),
        );
        assert!(std::net::TcpStream::connect(address).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn only_what_ended_one_connection_needs_no_pause() {
        for (name, number, is_of_one) in [
            ("ECONNABORTED", 103, true),
            ("ECONNRESET", 104, true),
            ("ENFILE", 23, false),
            ("EMFILE", 24, false),
            ("ENOMEM", 12, false),
        ] {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(is_of_one_connection(&error), is_of_one, "{name}");
        }
    }
}
