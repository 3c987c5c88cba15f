//! [`Acceptor`]: the next connection, whatever happens before it comes.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::seldom::Seldom;

/// How long to wait when the system has no room for another connection.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Acceptor {
    listener: TcpListener,
    warnings: Seldom,
}

impl Acceptor {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            warnings: Seldom::default(),
        }
    }

    /// Waits for the next connection. Nothing is lost when it is cancelled.
    pub(super) async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    // An answer is written whole: waiting to fill a segment
                    // would only delay it.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%peer, %error, "TCP_NODELAY could not be set");
                    }
                    return (stream, peer);
                }
                Err(error) if is_of_one_connection(&error) => {
                    tracing::debug!(%error, "a connection ended before it was accepted");
                }
                // Too many open files, mostly. The connection stays in the
                // backlog, so that asking again at once would ask for ever.
                Err(error) => {
                    if self.warnings.is_due() {
                        tracing::warn!(
                            %error,
                            "no connection can be accepted at the moment; if too many files are open, raise the limit on open files",
                        );
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
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
