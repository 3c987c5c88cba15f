//! [`DcvServerStandIn`]: what a gateway expects of a DCV server.

mod auth_socket;
mod builder;
mod sessions;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::sync::watch;

use crate::dcv_command::DcvCommand;
use crate::dcv_session::DcvSession;
use crate::start_error::StartError;
use crate::tls_server::TlsServer;

pub use builder::DcvServerBuilder;
use sessions::Sessions;

/// A DCV server without desktops, by default on a free port of 127.0.0.1. Dropping
/// it closes every connection.
///
/// It serves TLS, by default with a certificate for `localhost` from a CA of its
/// own, a page at its web path, the WebSocket `auth` below it, and a
/// [`dcv` command](DcvCommand) that lists its sessions.
///
/// # What is assumed
///
/// The protocol between DCV clients and servers is not public. In its place, a
/// client opens `WEB_URL_PATH/auth?sessionId=ID&authToken=TOKEN` as a WebSocket:
///
/// - An unknown session is answered with 404.
/// - If there is an `auth-token-verifier`, it is asked, as a DCV server does; a
///   token that it refuses is answered with 403, and a verifier that gives no
///   answer with 502. The client's address in the question is that of the peer,
///   which is the gateway.
/// - Otherwise the first message is the JSON of a
///   [`Desktop`](crate::Desktop): the name of the server, the session and the
///   user. Every message after that is sent back.
///
/// It does not support QUIC.
#[derive(Debug)]
pub struct DcvServerStandIn {
    server: TlsServer,
    sessions: Sessions,
    command: DcvCommand,
    ca_file: PathBuf,
    _folder: TempDir,
    /// Ends the WebSockets, which are no longer connections of the server.
    _stop: watch::Sender<()>,
}

impl DcvServerStandIn {
    /// Starts a server without sessions that calls itself `name`.
    ///
    /// # Errors
    ///
    /// [`StartError`], when the server cannot start.
    pub async fn start(name: &str) -> Result<Self, StartError> {
        Self::builder(name).start().await
    }

    /// Returns the address that the server listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns its port on `localhost`, for the `Port` of a resolver's answer.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.server.address().port()
    }

    /// Returns the certificate of its CA, for `[dcv] ca-file` of a gateway.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// Returns its `dcv` command, for a program that lists the sessions of a
    /// server.
    #[must_use]
    pub const fn command(&self) -> &DcvCommand {
        &self.command
    }

    /// Replaces its sessions: the sessions that clients can open, and that its
    /// command lists. Clients that are connected stay connected.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system if the command cannot be
    /// changed.
    pub fn set_sessions(&self, sessions: impl IntoIterator<Item = DcvSession>) -> io::Result<()> {
        let sessions: Vec<_> = sessions.into_iter().collect();
        self.command.set_sessions(&sessions)?;
        self.sessions.replace(sessions);
        Ok(())
    }
}
