//! [`RedisConfig`]: which servers to use, and how long to wait for them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::StoreError;

use crate::connection::RedisConnection;
use crate::credentials::Password;
use crate::error::invalid;
use crate::protocol::RedisProtocol;
use crate::servers::Servers;
use crate::tls::{Identity, LoadedTls, Pem, Tls};
use crate::url;

/// The settings of a `RedisStore`: where the sessions are stored, and how long
/// to wait for a reply.
///
/// ```
/// use std::time::Duration;
/// use dcv_resolver_redis::RedisConfig;
///
/// let config = RedisConfig::from_url("redis://resolver:secret@cache.example:6379/0")?
///     .key_prefix("dcv:session:")
///     .response_timeout(Duration::from_millis(200));
///
/// assert_eq!(config.servers(), "cache.example:6379");
/// assert!(!format!("{config:?}").contains("secret"));
/// # Ok::<(), dcv_resolver_core::StoreError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct RedisConfig {
    pub(crate) origin: Origin,
    pub(crate) key_prefix: String,
    pub(crate) response_timeout: Duration,
    pub(crate) expired_key_grace: Duration,
}

/// Where a connection comes from. Displays as the addresses of the servers.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    Servers(Box<Servers>),
    Given(RedisConnection),
}

impl Origin {
    /// Whether this store makes its connections, and can replace them.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self, Self::Servers(_))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Servers(servers) => servers.topology.fmt(f),
            Self::Given(_) => f.write_str("the given connection"),
        }
    }
}

impl RedisConfig {
    /// The default prefix of keys, which the session id follows.
    pub const DEFAULT_KEY_PREFIX: &str = "dcv:session:";
    /// The default response timeout: well below the time budget of a request,
    /// which is one second.
    pub const DEFAULT_RESPONSE_TIMEOUT: Duration = Duration::from_millis(400);
    /// The default connect timeout: enough for a server with TLS and a round
    /// trip time of 50 ms.
    pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
    /// The upper limit of both timeouts, since later instants may not exist.
    const LONGEST_TIMEOUT: Duration = Duration::from_secs(60 * 60);
    /// The default time for which an expired record is kept without a sweep.
    pub const DEFAULT_EXPIRED_KEY_GRACE: Duration = Duration::from_secs(60 * 60);

    /// Parses a URL of one of the forms [listed for this crate](crate), with
    /// parameters for the other settings.
    ///
    /// With `rediss`, every connection uses TLS, including those to sentinels
    /// and to the nodes of a cluster. The user and the password are
    /// percent-encoded, and are those of the servers, not of the sentinels.
    /// Either of them may be a parameter instead, and a password may be given
    /// without a user. No file is read before a connection is made.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` if `url` has none of these forms. The error does not
    /// quote the URL, since it may contain a password.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        let parsed = url::parse(url).map_err(invalid)?;
        let mut config = Self::new(Origin::Servers(Box::new(Servers {
            topology: parsed.topology,
            database: parsed.database,
            credentials: parsed.credentials,
            sentinel_credentials: parsed.sentinel_credentials,
            tls: parsed.tls,
            protocol: parsed.protocol,
            connect_timeout: Self::DEFAULT_CONNECT_TIMEOUT,
            resp2_logged: Arc::default(),
        })));
        if let Some(timeout) = parsed.connect_timeout {
            config = config.connect_timeout(timeout);
        }
        if let Some(timeout) = parsed.response_timeout {
            config = config.response_timeout(timeout);
        }
        if let Some(prefix) = parsed.key_prefix {
            config.key_prefix = prefix;
        }
        Ok(config)
    }

    /// Returns the servers, sentinels or nodes for display: hosts and ports
    /// without user and password.
    #[must_use]
    pub fn servers(&self) -> String {
        self.origin.to_string()
    }

    /// Returns the files that hold a password or a private key, whether the URL or a
    /// method names them, so that a program can check who may read them.
    pub fn secret_files(&self) -> impl Iterator<Item = &Path> {
        let servers = match &self.origin {
            Origin::Servers(servers) => Some(servers),
            Origin::Given(_) => None,
        };
        servers
            .into_iter()
            .flat_map(|servers| servers.secret_files())
    }

    /// Uses a connection that the embedding program shares with this store: a
    /// `redis::aio::ConnectionManager`, a `redis::aio::MultiplexedConnection` or a
    /// `redis::cluster_async::ClusterConnection`.
    ///
    /// The response timeout of this configuration applies in addition to the
    /// connection's own. The store does not replace a given connection that has
    /// fallen silent; a store opened from a URL therefore recovers from more
    /// faults.
    ///
    /// The program must not read from replicas over this connection, enable the
    /// driver's cache, or `SELECT` another database: sessions that exist would
    /// then seem absent.
    pub fn over(connection: impl Into<RedisConnection>) -> Self {
        Self::new(Origin::Given(connection.into()))
    }

    fn new(origin: Origin) -> Self {
        Self {
            origin,
            key_prefix: Self::DEFAULT_KEY_PREFIX.to_owned(),
            response_timeout: Self::DEFAULT_RESPONSE_TIMEOUT,
            expired_key_grace: Self::DEFAULT_EXPIRED_KEY_GRACE,
        }
    }

    /// Sets the prefix of keys, which the session id follows. The default is
    /// [`DEFAULT_KEY_PREFIX`](Self::DEFAULT_KEY_PREFIX). Every key with this
    /// prefix belongs to the store.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.key_prefix = prefix.into();
        self
    }

    /// Sets how long a call waits for its reply, including the time to connect.
    /// The default is
    /// [`DEFAULT_RESPONSE_TIMEOUT`](Self::DEFAULT_RESPONSE_TIMEOUT). `list` waits
    /// ten times as long in all; `sweep` and `import`, which send any number of
    /// commands, wait ten times as long for each reply.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout.min(Self::LONGEST_TIMEOUT);
        self
    }

    /// Sets how long one connection may take to make, including TLS and
    /// authentication. The default is
    /// [`DEFAULT_CONNECT_TIMEOUT`](Self::DEFAULT_CONNECT_TIMEOUT). Has no effect
    /// over a given connection.
    ///
    /// With TLS, connecting to a server takes about four round trips;
    /// connecting to a new master behind sentinels takes twice as long. With a
    /// longer timeout, a server that is cut off is noticed later.
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.with_servers(|servers| servers.connect_timeout = timeout.min(Self::LONGEST_TIMEOUT))
    }

    /// Sets the user of the servers, instead of the default one or that of the
    /// URL. Has no effect without a password, or over a given connection.
    pub fn username(self, username: impl Into<String>) -> Self {
        self.with_servers(|servers| servers.credentials.username = Some(username.into()))
    }

    /// Sets the password of the servers. Has no effect over a given connection.
    pub fn password(self, password: impl Into<String>) -> Self {
        self.with_servers(|servers| {
            servers.credentials.password = Some(Password::Text(password.into()));
        })
    }

    /// Reads the password of the servers from a file, without the line end,
    /// whenever a connection is made: a password can be replaced while the store
    /// is in use. Has no effect over a given connection.
    ///
    /// A file that cannot be read fails the call with `InvalidConfig`.
    pub fn password_file(self, path: impl Into<PathBuf>) -> Self {
        self.with_servers(|servers| {
            servers.credentials.password = Some(Password::File(path.into()));
        })
    }

    /// Sets the user of the sentinels, as [`username`](Self::username) does for
    /// the servers.
    pub fn sentinel_username(self, username: impl Into<String>) -> Self {
        self.with_servers(|servers| servers.sentinel_credentials.username = Some(username.into()))
    }

    /// Sets the password of the sentinels. Has no effect on other servers.
    pub fn sentinel_password(self, password: impl Into<String>) -> Self {
        self.with_servers(|servers| {
            servers.sentinel_credentials.password = Some(Password::Text(password.into()));
        })
    }

    /// Reads the password of the sentinels from a file, as
    /// [`password_file`](Self::password_file) does that of the servers.
    pub fn sentinel_password_file(self, path: impl Into<PathBuf>) -> Self {
        self.with_servers(|servers| {
            servers.sentinel_credentials.password = Some(Password::File(path.into()));
        })
    }

    /// Selects this database, instead of 0 or that of the URL. Has no effect over
    /// a given connection, or on a cluster, which has only database 0.
    pub fn database(self, database: u16) -> Self {
        self.with_servers(|servers| servers.database = database.into())
    }

    /// Uses only this protocol. Without this setting, RESP3 is tried first, and
    /// RESP2 if a server or proxy refuses RESP3. Has no effect over a given
    /// connection.
    pub fn protocol(self, protocol: RedisProtocol) -> Self {
        self.with_servers(|servers| servers.protocol = Some(protocol))
    }

    fn with_servers(mut self, change: impl FnOnce(&mut Servers)) -> Self {
        if let Origin::Servers(servers) = &mut self.origin {
            change(servers);
        }
        self
    }

    /// Sets how long Redis keeps a record after its expiry before it removes
    /// the record by itself. The default is
    /// [`DEFAULT_EXPIRED_KEY_GRACE`](Self::DEFAULT_EXPIRED_KEY_GRACE).
    ///
    /// A record expires by the clock of the resolver that looks it up, and Redis
    /// removes its key by the server's clock. The grace must be longer than the
    /// largest difference between these clocks.
    pub fn expired_key_grace(mut self, grace: Duration) -> Self {
        self.expired_key_grace = grace;
        self
    }

    /// Connects with TLS, and trusts only the certificate authorities in `pem`,
    /// instead of the system's. Has no effect over a given connection.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` if `pem` is not a list of certificates.
    pub fn tls_authorities_pem(self, pem: impl Into<Vec<u8>>) -> Result<Self, StoreError> {
        let pem = pem.into();
        LoadedTls::new(Some(pem.clone()), None)?;
        Ok(self.with_tls(|tls| tls.authorities = Some(Pem::Text(pem))))
    }

    /// Connects with TLS, and presents this certificate to a server that asks for
    /// one. Has no effect over a given connection. A key that does not match the
    /// certificate fails the first call with `InvalidConfig`.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` if one of the two is not in PEM form.
    pub fn tls_client_pem(
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

    /// Connects with TLS, and trusts only the certificate authorities in this
    /// PEM file, instead of the system's.
    ///
    /// The file is read whenever a connection is made, so that it can be
    /// replaced while the store is in use. If it cannot be read, the call fails
    /// with `InvalidConfig`.
    pub fn tls_authorities_file(self, path: impl Into<PathBuf>) -> Self {
        self.with_tls(|tls| tls.authorities = Some(Pem::File(path.into())))
    }

    /// Connects with TLS, and presents the certificate in these PEM files to a
    /// server that asks for one. They are read as
    /// [`tls_authorities_file`](Self::tls_authorities_file) describes.
    pub fn tls_client_files(
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

    fn with_tls(self, change: impl FnOnce(&mut Tls)) -> Self {
        self.with_servers(|servers| change(servers.tls.get_or_insert_default()))
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
        let by_url = RedisConfig::from_url(&format!("{url}?{parameters}")).unwrap();
        let by_method = RedisConfig::from_url(url)
            .unwrap()
            .tls_authorities_file("ca.pem")
            .tls_client_files("c.pem", "k.pem")
            .password_file("p")
            .sentinel_password_file("s");
        for config in [by_url, by_method] {
            let files: Vec<_> = config.secret_files().collect();
            assert_eq!(files, ["p", "s", "k.pem"].map(Path::new));
        }
        let none = RedisConfig::from_url("redis://:tr0ub4dor@a.example").unwrap();
        assert_eq!(none.secret_files().count(), 0);
    }
}
