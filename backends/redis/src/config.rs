//! [`RedisConfig`]: which servers to use, and how to connect to them.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::StoreError;

use crate::credentials::Password;
use crate::invalid_url::InvalidRedisUrl;
use crate::options::{MAX_TIMEOUT, RedisOptions};
use crate::protocol::RedisProtocol;
use crate::servers::Servers;
use crate::tls::{Identity, LoadedTls, Pem, Tls};
use crate::topology::Topology;
use crate::url;

/// The settings of a [`RedisStore`](crate::RedisStore) that makes its own
/// connections: to which servers, and how. They are parsed from a URL of one of
/// the forms [listed for this crate](crate).
///
/// ```
/// use std::time::Duration;
/// use dcv_resolver_redis::RedisConfig;
///
/// let config: RedisConfig = "redis://resolver:secret@cache.example:6379/0".parse()?;
/// let config = config
///     .key_prefix("dcv:session:")
///     .response_timeout(Duration::from_millis(200));
///
/// assert_eq!(config.servers(), "cache.example:6379");
/// assert!(!format!("{config:?}").contains("secret"));
/// # Ok::<(), dcv_resolver_redis::InvalidRedisUrl>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct RedisConfig {
    pub(crate) servers: Servers,
    pub(crate) options: RedisOptions,
}

/// Parses a URL of one of the forms [listed for this crate](crate), with
/// parameters for the other settings.
///
/// With `rediss`, every connection uses TLS, including those to sentinels and to
/// the nodes of a cluster. The user and the password are percent-encoded, and are
/// those of the servers, not of the sentinels. Either of them may be a parameter
/// instead, and a password may be given without a user. No file is read before a
/// connection is made.
impl FromStr for RedisConfig {
    type Err = InvalidRedisUrl;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let parsed = url::parse(url)?;
        let mut config = Self {
            servers: Servers {
                topology: parsed.topology,
                database: parsed.database,
                credentials: parsed.credentials,
                sentinel_credentials: parsed.sentinel_credentials,
                tls: parsed.tls,
                protocol: parsed.protocol,
                connect_timeout: Self::DEFAULT_CONNECT_TIMEOUT,
                resp2_logged: Arc::default(),
            },
            options: RedisOptions::default(),
        };
        if let Some(timeout) = parsed.connect_timeout {
            config = config.connect_timeout(timeout);
        }
        if let Some(timeout) = parsed.response_timeout {
            config = config.response_timeout(timeout);
        }
        if let Some(prefix) = parsed.key_prefix {
            config = config.key_prefix(prefix);
        }
        Ok(config)
    }
}

impl RedisConfig {
    /// The default connect timeout: 500 ms, enough for a server with TLS and a
    /// round trip time of 50 ms.
    pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

    /// Returns the servers, sentinels or nodes for display: hosts and ports
    /// without user and password.
    #[must_use]
    pub fn servers(&self) -> String {
        self.servers.topology.to_string()
    }

    /// Returns whether connections use TLS.
    #[must_use]
    pub fn uses_tls(&self) -> bool {
        self.servers.tls.is_some()
    }

    /// Returns whether sentinels are asked for the server.
    #[must_use]
    pub fn uses_sentinels(&self) -> bool {
        matches!(self.servers.topology, Topology::Sentinel { .. })
    }

    /// Returns whether the settings contain a password, rather than the path of
    /// a file that contains it.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.servers.has_password()
    }

    /// Returns the files that contain a password or a private key, whether they
    /// were set by the URL or by a method, so that a program can check who may
    /// read them.
    pub fn secret_files(&self) -> impl Iterator<Item = &Path> {
        self.servers.secret_files()
    }

    /// Sets the prefix of keys: [`RedisOptions::key_prefix`].
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.options = self.options.key_prefix(prefix);
        self
    }

    /// Sets how long a call waits for its reply:
    /// [`RedisOptions::response_timeout`].
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.options = self.options.response_timeout(timeout);
        self
    }

    /// Sets how long Redis keeps an expired record:
    /// [`RedisOptions::expired_key_grace`].
    pub fn expired_key_grace(mut self, grace: Duration) -> Self {
        self.options = self.options.expired_key_grace(grace);
        self
    }

    /// Sets how long it may take to make one connection, including TLS and
    /// authentication: at most an hour. The default is
    /// [`DEFAULT_CONNECT_TIMEOUT`](Self::DEFAULT_CONNECT_TIMEOUT).
    ///
    /// With TLS, connecting to a server takes about four round trips;
    /// connecting to a new master behind sentinels takes twice as long. With a
    /// longer timeout, a server that is cut off is noticed later.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.servers.connect_timeout = timeout.min(MAX_TIMEOUT);
        self
    }

    /// Sets the user name for the servers, instead of the default one or that of
    /// the URL. Has no effect without a password.
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.servers.credentials.username = Some(username.into());
        self
    }

    /// Sets the password for the servers.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.servers.credentials.password = Some(Password::Text(password.into()));
        self
    }

    /// Sets a file from which the password for the servers is read, without the
    /// line end, whenever a connection is made: a password can be replaced while
    /// the store is in use.
    ///
    /// A file that cannot be read fails the call with `InvalidConfig`.
    pub fn password_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.servers.credentials.password = Some(Password::File(path.into()));
        self
    }

    /// Sets the user name for the sentinels, as [`username`](Self::username) does
    /// for the servers.
    pub fn sentinel_username(mut self, username: impl Into<String>) -> Self {
        self.servers.sentinel_credentials.username = Some(username.into());
        self
    }

    /// Sets the password for the sentinels. Has no effect on other servers.
    pub fn sentinel_password(mut self, password: impl Into<String>) -> Self {
        self.servers.sentinel_credentials.password = Some(Password::Text(password.into()));
        self
    }

    /// Sets a file from which the password for the sentinels is read, as
    /// [`password_file`](Self::password_file) does for the servers.
    pub fn sentinel_password_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.servers.sentinel_credentials.password = Some(Password::File(path.into()));
        self
    }

    /// Selects this database, instead of 0 or that of the URL. Has no effect on a
    /// cluster, which has only database 0.
    pub fn database(mut self, database: u16) -> Self {
        self.servers.database = database.into();
        self
    }

    /// Uses only this protocol. Without this setting, RESP3 is tried first, and
    /// RESP2 if a server or proxy refuses RESP3.
    pub fn protocol(mut self, protocol: RedisProtocol) -> Self {
        self.servers.protocol = Some(protocol);
        self
    }

    /// Connects with TLS, and trusts only the CAs in `pem`, instead of the system's.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` if `pem` is not a list of certificates.
    pub fn ca_pem(self, pem: impl Into<Vec<u8>>) -> Result<Self, StoreError> {
        let pem = pem.into();
        LoadedTls::new(Some(pem.clone()), None)?;
        Ok(self.with_tls(|tls| tls.authorities = Some(Pem::Text(pem))))
    }

    /// Connects with TLS, and presents this certificate to a server that asks for
    /// one. A key that does not match the certificate fails the first call with
    /// `InvalidConfig`.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` if one of the two is not in PEM form.
    pub fn client_certificate_pem(
        self,
        certificate_pem: impl Into<Vec<u8>>,
        key_pem: impl Into<Vec<u8>>,
    ) -> Result<Self, StoreError> {
        let (certificate, key) = (certificate_pem.into(), key_pem.into());
        LoadedTls::new(None, Some((certificate.clone(), key.clone())))?;
        Ok(self.with_tls(|tls| {
            tls.client = Some(Identity {
                certificate: Pem::Text(certificate),
                key: Pem::Text(key),
            });
        }))
    }

    /// Connects with TLS, and trusts only the CAs in this PEM file, instead of
    /// the system's.
    ///
    /// The file is read whenever a connection is made, so that it can be
    /// replaced while the store is in use. If it cannot be read, the call fails
    /// with `InvalidConfig`.
    pub fn ca_file(self, path: impl Into<PathBuf>) -> Self {
        self.with_tls(|tls| tls.authorities = Some(Pem::File(path.into())))
    }

    /// Connects with TLS, and presents the certificate in these PEM files to a
    /// server that asks for one. They are read as [`ca_file`](Self::ca_file)
    /// describes.
    pub fn client_certificate(
        self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.with_tls(|tls| {
            tls.client = Some(Identity {
                certificate: Pem::File(certificate.into()),
                key: Pem::File(key.into()),
            });
        })
    }

    fn with_tls(mut self, change: impl FnOnce(&mut Tls)) -> Self {
        change(self.servers.tls.get_or_insert_default());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_files_are_those_of_the_url_and_of_the_methods() {
        let url = "rediss+sentinel://a.example/mymaster";
        let parameters = "ca_file=ca.pem&certificate_file=c.pem&key_file=k.pem\
                          &password_file=p&sentinel_password_file=s";
        let by_url = format!("{url}?{parameters}")
            .parse::<RedisConfig>()
            .unwrap();
        let by_method = url
            .parse::<RedisConfig>()
            .unwrap()
            .ca_file("ca.pem")
            .client_certificate("c.pem", "k.pem")
            .password_file("p")
            .sentinel_password_file("s");
        for config in [by_url, by_method] {
            let files: Vec<_> = config.secret_files().collect();
            assert_eq!(files, ["p", "s", "k.pem"].map(Path::new));
        }
        let none = "redis://:tr0ub4dor@a.example"
            .parse::<RedisConfig>()
            .unwrap();
        assert_eq!(none.secret_files().count(), 0);
    }
}
