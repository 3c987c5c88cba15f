//! [`RedisConfig`]: which servers to use, and how long to wait for them.

use std::fmt;
use std::time::Duration;

use dcv_resolver_core::{StoreError, StoreErrorKind};

use crate::connect::Servers;
use crate::connection::RedisConnection;
use crate::error::error;
use crate::tls::Tls;
use crate::topology::Credentials;
use crate::url;

/// Configures where the sessions are stored, and how long to wait for a reply.
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
    /// The default connect timeout: enough for a server in the same region, with
    /// TLS.
    pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_millis(300);
    /// The upper limit of either timeout, since later instants may not exist.
    const LONGEST_TIMEOUT: Duration = Duration::from_secs(60 * 60);
    /// The default time for which an expired record stays without a sweep.
    pub const DEFAULT_EXPIRED_KEY_GRACE: Duration = Duration::from_secs(60 * 60);

    /// Parses a URL of one of the forms [listed for this crate](crate).
    ///
    /// With `rediss` every connection uses TLS, also to the sentinels and the
    /// nodes of a cluster. User and password (or `:password` alone) are
    /// percent-encoded, and are those of the servers. For those of the sentinels
    /// see
    /// [`sentinel_credentials`](Self::sentinel_credentials). The parameter
    /// `?key_prefix=…` sets the [key prefix](Self::key_prefix).
    ///
    /// # Errors
    ///
    /// `InvalidConfig` if `url` is not of this form. The error does not quote it,
    /// since it may hold a password.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        let parsed = url::parse(url).map_err(invalid)?;
        let mut config = Self::new(Origin::Servers(Box::new(Servers {
            topology: parsed.topology,
            database: parsed.database,
            credentials: parsed.credentials,
            sentinel_credentials: None,
            tls: parsed.tls.then(Tls::default),
            connect_timeout: Self::DEFAULT_CONNECT_TIMEOUT,
        })));
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

    /// Uses a connection that the embedding program shares with this store: a
    /// `redis::aio::ConnectionManager`, a `redis::aio::MultiplexedConnection` or a
    /// `redis::cluster_async::ClusterConnection`.
    ///
    /// The response timeout of this configuration applies on top of the
    /// connection's own. The store does not replace a given connection that has
    /// fallen silent, so that a store opened from a URL recovers from more
    /// faults.
    ///
    /// The host must not read from replicas over this connection, enable the
    /// driver's cache, or `SELECT` another database: sessions that exist would
    /// look absent.
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
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        if let Origin::Servers(servers) = &mut self.origin {
            servers.connect_timeout = timeout.min(Self::LONGEST_TIMEOUT);
        }
        self
    }

    /// Sets how long Redis keeps a record past its expiry before it removes it by
    /// itself. The default is
    /// [`DEFAULT_EXPIRED_KEY_GRACE`](Self::DEFAULT_EXPIRED_KEY_GRACE).
    ///
    /// A record expires by the clock of the resolver that looks it up, and Redis
    /// removes its key by the server's clock. The grace must be longer than the
    /// largest difference between these clocks.
    pub fn expired_key_grace(mut self, grace: Duration) -> Self {
        self.expired_key_grace = grace;
        self
    }

    /// Sets the credentials for the sentinels: the user, or `None` for the default
    /// one, and the password. Has no effect on other servers.
    pub fn sentinel_credentials(mut self, username: Option<&str>, password: &str) -> Self {
        if let Origin::Servers(servers) = &mut self.origin {
            servers.sentinel_credentials = Some(Credentials {
                username: username.map(str::to_owned),
                password: password.to_owned(),
            });
        }
        self
    }

    /// Connects with TLS, and trusts the certificate authorities in `pem` instead
    /// of the system's. Has no effect over a given connection.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` if `pem` is not a list of certificates.
    pub fn tls_authorities_pem(mut self, pem: impl Into<Vec<u8>>) -> Result<Self, StoreError> {
        let pem = pem.into();
        if !pem
            .windows(PEM_CERTIFICATE.len())
            .any(|text| text == PEM_CERTIFICATE)
        {
            return Err(invalid(
                "the certificate authorities are not in PEM form: there is no BEGIN CERTIFICATE line",
            ));
        }
        self.set_tls(|tls| tls.set_authorities(pem))?;
        Ok(self)
    }

    /// Connects with TLS, and presents this certificate to a server that asks for
    /// one. Has no effect over a given connection. A key that does not match the
    /// certificate fails the first call with `InvalidConfig`.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` if one of the two is not in PEM form.
    pub fn tls_client_pem(
        mut self,
        certificate_pem: impl Into<Vec<u8>>,
        key_pem: impl Into<Vec<u8>>,
    ) -> Result<Self, StoreError> {
        self.set_tls(|tls| tls.set_client(certificate_pem.into(), key_pem.into()))?;
        Ok(self)
    }

    fn set_tls(
        &mut self,
        set: impl FnOnce(&mut Tls) -> redis::RedisResult<()>,
    ) -> Result<(), StoreError> {
        match &mut self.origin {
            Origin::Servers(servers) => set(servers.tls.get_or_insert_default()).map_err(invalid),
            Origin::Given(_) => Ok(()),
        }
    }
}

const PEM_CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

fn invalid(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    error(StoreErrorKind::InvalidConfig).with_source(source)
}
