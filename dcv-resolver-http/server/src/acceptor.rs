//! [`Acceptor`]: waits for the next connection, and retries after errors.

use std::io;
use std::time::Duration;

use dcv_resolver_log_throttle::LogThrottle;

use crate::limits::WARNING_WINDOW;
use crate::listener::{Accepted, Listener};

/// How long to wait after an error of the listener.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Acceptor {
    listener: Listener,
    /// One kind for each error of the operating system.
    warnings: LogThrottle<String>,
}

impl Acceptor {
    pub(crate) fn new(listener: Listener) -> Self {
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
                Ok(accepted) => return accepted,
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

    /// Returns the connections that wait in the kernel, and closes the listener.
    pub(crate) fn into_waiting(self) -> impl Iterator<Item = Accepted> {
        self.listener.into_waiting()
    }
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
