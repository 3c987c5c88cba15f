//! [`Servers`]: which servers to connect to, and how.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::credentials::{Credentials, Password};
use crate::protocol::RedisProtocol;
use crate::tls::Tls;
use crate::topology::Topology;

/// The servers to connect to, and how.
#[derive(Debug, Clone)]
pub(crate) struct Servers {
    pub(crate) topology: Topology,
    pub(crate) database: i64,
    pub(crate) credentials: Credentials,
    pub(crate) sentinel_credentials: Credentials,
    pub(crate) tls: Option<Tls>,
    /// RESP3 with a fall-back to RESP2 if none is given.
    pub(crate) protocol: Option<RedisProtocol>,
    pub(crate) connect_timeout: Duration,
    /// Whether the fall-back has been logged.
    pub(crate) resp2_logged: Arc<AtomicBool>,
}

impl Servers {
    /// Returns whether a password is held here, rather than in a file.
    pub(crate) fn has_password(&self) -> bool {
        [&self.credentials, &self.sentinel_credentials]
            .into_iter()
            .any(|credentials| matches!(credentials.password, Some(Password::Text(_))))
    }

    /// Returns the files of passwords and of the private key.
    pub(crate) fn secret_files(&self) -> impl Iterator<Item = &Path> {
        let passwords = [&self.credentials, &self.sentinel_credentials]
            .into_iter()
            .filter_map(|credentials| credentials.password.as_ref()?.file());
        let client = self.tls.iter().filter_map(|tls| tls.client.as_ref());
        passwords.chain(client.filter_map(|client| client.key.file()))
    }
}
