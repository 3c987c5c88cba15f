//! [`RedisConfig`]: which server, and how long to wait for it.

use std::fmt;
use std::time::Duration;

use dcv_resolver_core::{StoreError, StoreErrorKind};

use crate::connect::Servers;
use crate::connection::RedisConnection;
use crate::error::error;
use crate::tls::Tls;
use crate::topology::Credentials;
use crate::url;

/// Where the sessions are, and how long to wait for an answer.
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

/// Where a connection comes from. Displays as the addresses.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    Servers(Box<Servers>),
    Given(RedisConnection),
}

impl Origin {
    /// Whether a broken connection can be replaced here.
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
    /// What is put in front of a session's id to make its key.
    pub const DEFAULT_KEY_PREFIX: &str = "dcv:session:";
    /// Well under the time budget of a request, which is one second.
    pub const DEFAULT_RESPONSE_TIMEOUT: Duration = Duration::from_millis(400);
    /// Enough for a server in the same region, with TLS.
    pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_millis(300);
    /// The longest that either timeout can be: later instants may not exist.
    const LONGEST_TIMEOUT: Duration = Duration::from_secs(60 * 60);
    /// How long an expired record stays, for want of a sweep.
    pub const DEFAULT_EXPIRED_KEY_GRACE: Duration = Duration::from_secs(60 * 60);

    /// Reads a URL of one of the forms [listed for this crate](crate).
    ///
    /// With `rediss` for `redis` every connection is made with TLS, to the
    /// sentinels and the cluster's nodes too. User and password, which may be
    /// `:password` alone, are percent-encoded and are those of the servers;
    /// for the sentinels' own see
    /// [`sentinel_credentials`](Self::sentinel_credentials). The parameter
    /// `?key_prefix=…` sets the [key prefix](Self::key_prefix).
    ///
    /// # Errors
    ///
    /// `InvalidConfig`, when `url` is not of this form. The error does not
    /// quote it, for the secret in it.
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

    /// The servers, sentinels or nodes as text for people: host and port, and
    /// neither user nor password.
    #[must_use]
    pub fn servers(&self) -> String {
        self.origin.to_string()
    }

    /// Uses a connection that the embedding program has made, and shares with
    /// this store: a `redis::aio::ConnectionManager`, a
    /// `redis::aio::MultiplexedConnection` or a
    /// `redis::cluster_async::ClusterConnection`.
    ///
    /// The response timeout of this configuration applies on top of the
    /// connection's own. Replacing a connection that has fallen silent stays
    /// with its owner: a store can only replace what it made itself, so a
    /// store that is opened from a URL recovers from more.
    ///
    /// The host must not read from replicas over this connection, have the
    /// driver cache answers, or `SELECT` another database: a session that is
    /// there would look absent.
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

    /// What is put in front of a session's id to make its key;
    /// [`DEFAULT_KEY_PREFIX`](Self::DEFAULT_KEY_PREFIX) unless set. Every key
    /// with this prefix belongs to the store.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.key_prefix = prefix.into();
        self
    }

    /// How long one call waits for its answer, for a connection to be made
    /// included; [`DEFAULT_RESPONSE_TIMEOUT`](Self::DEFAULT_RESPONSE_TIMEOUT)
    /// unless set. One `list` waits ten times as long in all; `sweep` and
    /// `import`, which send any number of commands, wait ten times as long for
    /// each answer.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout.min(Self::LONGEST_TIMEOUT);
        self
    }

    /// How long making one connection may take, TLS and authentication
    /// included; [`DEFAULT_CONNECT_TIMEOUT`](Self::DEFAULT_CONNECT_TIMEOUT)
    /// unless set. Without effect over a given connection.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        if let Origin::Servers(servers) = &mut self.origin {
            servers.connect_timeout = timeout.min(Self::LONGEST_TIMEOUT);
        }
        self
    }

    /// How long Redis keeps a record past its expiry before it removes it by
    /// itself; [`DEFAULT_EXPIRED_KEY_GRACE`](Self::DEFAULT_EXPIRED_KEY_GRACE)
    /// unless set.
    ///
    /// A record expires by the clock of whoever looks it up; Redis removes its
    /// key by a clock of its own. The grace must therefore be longer than any
    /// two of these clocks may be apart.
    pub fn expired_key_grace(mut self, grace: Duration) -> Self {
        self.expired_key_grace = grace;
        self
    }

    /// What to authenticate with at the sentinels, where they ask for it: the
    /// user, or `None` for the default one, and the password. Without effect
    /// on other servers.
    pub fn sentinel_credentials(mut self, username: Option<&str>, password: &str) -> Self {
        if let Origin::Servers(servers) = &mut self.origin {
            servers.sentinel_credentials = Some(Credentials {
                username: username.map(str::to_owned),
                password: password.to_owned(),
            });
        }
        self
    }

    /// Connects with TLS, and trusts the certificate authorities in `pem`
    /// instead of the system's. Without effect over a given connection.
    ///
    /// # Errors
    ///
    /// `InvalidConfig`, when `pem` is not a list of certificates.
    pub fn tls_authorities_pem(mut self, pem: impl Into<Vec<u8>>) -> Result<Self, StoreError> {
        let pem = pem.into();
        if !pem
            .windows(PEM_CERTIFICATE.len())
            .any(|text| text == PEM_CERTIFICATE)
        {
            return Err(invalid("the certificate authorities are not in PEM form"));
        }
        self.set_tls(|tls| tls.set_authorities(pem))?;
        Ok(self)
    }

    /// Connects with TLS, and shows this certificate to a server that asks
    /// for one. Without effect over a given connection. A key of another
    /// certificate is found at the first use, as `InvalidConfig`.
    ///
    /// # Errors
    ///
    /// `InvalidConfig`, when one of the two is not in PEM form.
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
