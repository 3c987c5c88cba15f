//! [`Acceptor`]: waits for the next connection, and retries after errors.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use dcv_resolver_log_throttle::LogThrottle;

/// A connection and the address of the client.
pub(crate) type Accepted = (TcpStream, SocketAddr);

/// How long to wait after an error of the listener.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a warning is not repeated.
const WARNING_WINDOW: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Acceptor {
    listener: TcpListener,
    /// One kind for each error of the operating system.
    warnings: LogThrottle<String>,
}

impl Acceptor {
    pub(crate) fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            warnings: LogThrottle::new(WARNING_WINDOW, |error: &String, suppressed| {
                tracing::warn!(
                    %error,
                    suppressed = suppressed.count,
                    "still could not accept connections",
                );
            }),
        }
    }

    /// Waits for the next connection. It is cancel safe.
    pub(crate) async fn accept(&mut self) -> Accepted {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => return without_delay(accepted),
                Err(error) if concerns_one_connection(&error) => {
                    tracing::debug!(%error, "client disconnected before its connection was accepted");
                }
                // Mostly too many open files. The connection stays in the
                // backlog: without a pause, this would be a busy loop.
                Err(error) => {
                    let error = error.to_string();
                    if self.warnings.allows(error.clone()) {
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

    /// Returns the connections that wait in the kernel, and closes the listener
    /// right after the last of them. The kernel resets connections that still
    /// wait when the listener is closed; this way hardly any do.
    pub(crate) fn into_waiting(self) -> impl Iterator<Item = Accepted> {
        // The runtime may not know of them yet, but the kernel does.
        let listener = self.listener.into_std().ok();
        std::iter::from_fn(move || {
            let (stream, peer) = listener.as_ref()?.accept().ok()?;
            stream.set_nonblocking(true).ok()?;
            let stream = TcpStream::from_std(stream).ok()?;
            Some(without_delay((stream, peer)))
        })
    }
}

/// Sets `TCP_NODELAY`. A response is written at once, so waiting to fill a
/// segment would only delay it.
fn without_delay((stream, peer): Accepted) -> Accepted {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "cannot set TCP_NODELAY");
    }
    (stream, peer)
}

/// Returns whether the error concerns one connection, not the listener.
fn concerns_one_connection(error: &io::Error) -> bool {
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
    async fn accepted_connection_has_nodelay_set() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).await.unwrap();
        let (stream, peer) = Acceptor::new(listener).accept().await;
        assert!(stream.nodelay().unwrap());
        assert_eq!(peer, client.local_addr().unwrap());
    }

    #[tokio::test]
    async fn waiting_connections_are_accepted_before_the_listener_closes() {
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
    fn error_of_one_connection_needs_no_pause() {
        for (name, number, expected) in [
            ("ECONNABORTED", 103, true),
            ("ECONNRESET", 104, true),
            ("ENFILE", 23, false),
            ("EMFILE", 24, false),
            ("ENOMEM", 12, false),
        ] {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(concerns_one_connection(&error), expected, "{name}");
        }
    }
}
