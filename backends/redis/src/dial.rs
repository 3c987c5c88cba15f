//! [`Dialer`]: makes one connection.

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dcv_resolver_core::StoreErrorKind;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::TcpKeepalive;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo,
    PushInfo, RedisConnectionInfo, RedisError,
};

use crate::credentials::Login;
use crate::deadline::milliseconds;
use crate::failure::Failure;
use crate::peer::{Offered, Peer};
use crate::protocol::RedisProtocol;
use crate::servers::Servers;
use crate::tls::{LoadedTls, ensure_crypto_provider};
use crate::topology::{Endpoint, Node};

/// Makes connections, with the certificates and passwords of this moment.
pub(crate) struct Dialer<'a> {
    pub(crate) servers: &'a Servers,
    pub(crate) tls: Option<LoadedTls>,
    pub(crate) login: Option<Login>,
    pub(crate) sentinel_login: Option<Login>,
}

/// A connection, and the protocol that the server understands.
pub(crate) struct Dialed {
    pub(crate) connection: MultiplexedConnection,
    pub(crate) protocol: RedisProtocol,
}

/// Why an attempt with one protocol failed.
enum Refusal {
    /// The server does not understand the protocol.
    OfProtocol(Failure),
    Other(Failure),
}

impl Servers {
    /// Reads the files that the settings name.
    pub(crate) async fn dialer(&self) -> Result<Dialer<'_>, Failure> {
        let tls = match &self.tls {
            Some(tls) => {
                ensure_crypto_provider();
                Some(tls.load().await?)
            }
            None => None,
        };
        Ok(Dialer {
            servers: self,
            tls,
            login: self.credentials.login("password_file").await?,
            sentinel_login: self
                .sentinel_credentials
                .login("sentinel_password_file")
                .await?,
        })
    }
}

impl Dialer<'_> {
    /// Connects with RESP3, or with RESP2 where the server refuses that. The
    /// connection has no timeout for replies.
    pub(crate) async fn dial(&self, peer: &Peer) -> Result<Dialed, Failure> {
        let config = self.connection_config();
        let first = self.servers.protocol.unwrap_or(RedisProtocol::Resp3);
        match self.attempt(peer, first, &config).await {
            Ok(dialed) => Ok(dialed),
            Err(Refusal::OfProtocol(failure)) if self.servers.protocol.is_none() => {
                let second = self.attempt(peer, RedisProtocol::Resp2, &config).await;
                let logged = &self.servers.resp2_logged;
                if second.is_ok() && !logged.swap(true, Ordering::Relaxed) {
                    tracing::info!(error = %failure, "{peer} refuses RESP3; using RESP2");
                }
                second.map_err(|refusal| self.explain(peer, refusal.into()))
            }
            Err(refusal) => Err(self.explain(peer, refusal.into())),
        }
    }

    /// Connects with RESP3, and passes what the server pushes to `pushed`, in
    /// order with replies: what came before a reply is passed before it.
    pub(crate) async fn dial_pushed(
        &self,
        peer: &Peer,
        pushed: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> Result<MultiplexedConnection, Failure> {
        let unsupported = |reason: &dyn std::fmt::Display| {
            Failure::new(
                StoreErrorKind::Incompatible,
                format!("changes are pushed with RESP3 only: {reason}"),
            )
        };
        if self.servers.protocol == Some(RedisProtocol::Resp2) {
            return Err(unsupported(&"protocol = \"resp2\" is configured"));
        }
        let config = self.connection_config().set_push_sender(move |info| {
            pushed(info);
            Ok::<_, Infallible>(())
        });
        match self.attempt(peer, RedisProtocol::Resp3, &config).await {
            Ok(dialed) => Ok(dialed.connection),
            Err(Refusal::OfProtocol(failure)) if !failure.is_closed() => Err(unsupported(&failure)),
            Err(refusal) => Err(self.explain(peer, refusal.into())),
        }
    }

    async fn attempt(
        &self,
        peer: &Peer,
        protocol: RedisProtocol,
        config: &AsyncConnectionConfig,
    ) -> Result<Dialed, Refusal> {
        let (login, database) = match peer {
            Peer::Sentinel(_) => (self.sentinel_login.as_ref(), 0),
            Peer::Server(_) | Peer::Node(_) | Peer::Master { .. } => {
                (self.login.as_ref(), self.servers.database)
            }
        };
        let info = self
            .connection_info(&peer.endpoint(), login, database, protocol)
            .map_err(Refusal::Other)?;
        let connecting = async {
            Client::open(info)?
                .get_multiplexed_async_connection_with_config(config)
                .await
        };
        match connecting.await {
            Ok(connection) => Ok(Dialed {
                connection,
                protocol,
            }),
            Err(error) => {
                let password = login.map(|login| login.password.as_bytes());
                let failure = Failure::of(&error, password);
                Err(if refuses_protocol(&error, &failure, login.is_some()) {
                    Refusal::OfProtocol(failure)
                } else {
                    Refusal::Other(failure)
                })
            }
        }
    }

    pub(crate) fn explain(&self, peer: &Peer, failure: Failure) -> Failure {
        let failure = if failure.is_timeout() {
            let limit = milliseconds("connect_timeout_ms", self.servers.connect_timeout);
            failure.with_text(format!("no connection within {limit}"))
        } else {
            failure
        };
        let login = match peer {
            Peer::Sentinel(_) => &self.sentinel_login,
            Peer::Server(_) | Peer::Node(_) | Peer::Master { .. } => &self.login,
        };
        peer.explain(
            failure,
            Offered {
                tls: self.tls.is_some(),
                client_certificate: self
                    .servers
                    .tls
                    .as_ref()
                    .is_some_and(|tls| tls.client.is_some()),
                login: login.is_some(),
            },
        )
    }

    fn connection_config(&self) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.servers.connect_timeout))
            .set_response_timeout(None)
    }

    pub(crate) fn connection_info(
        &self,
        endpoint: &Endpoint,
        login: Option<&Login>,
        database: i64,
        protocol: RedisProtocol,
    ) -> Result<ConnectionInfo, Failure> {
        let address = match (endpoint, &self.tls) {
            (Endpoint::Unix(path), _) => ConnectionAddr::Unix(path.clone()),
            (Endpoint::Tcp(Node { host, port }), None) => ConnectionAddr::Tcp(host.clone(), *port),
            (Endpoint::Tcp(node), Some(tls)) => tls.address(node)?,
        };
        let mut settings = RedisConnectionInfo::default()
            .set_db(database)
            .set_protocol(protocol.version());
        if let Some(Login { username, password }) = login {
            settings = settings.set_password(password);
            if let Some(username) = username {
                settings = settings.set_username(username);
            }
        }
        let info = address
            .into_connection_info()
            .map_err(|error| Failure::of(&error, []))?;
        Ok(info
            .set_redis_settings(settings)
            .set_tcp_settings(tcp_settings()))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::OfProtocol(failure) | Refusal::Other(failure) => failure,
        }
    }
}

/// Whether the server may understand another protocol: it refused `HELLO`, or
/// closed the connection over it. Proxies do so in any words.
fn refuses_protocol(error: &RedisError, failure: &Failure, has_login: bool) -> bool {
    if error.kind() == ErrorKind::RESP3NotSupported {
        return true;
    }
    match failure.code() {
        // `NOAUTH` concerns the user, unless `HELLO` had a password: then a
        // proxy requires `AUTH` before any other command, which is how RESP2
        // sends it.
        Some("NOAUTH") => has_login,
        // These concern the user, or a server that accepts no commands yet.
        Some("WRONGPASS" | "LOADING" | "DENIED") => false,
        Some(_) => {
            // Other refusals are of the driver's own making, such as that of
            // `SELECT`, or concern every command.
            std::error::Error::source(error).is_some()
                && failure.kind() != StoreErrorKind::Unavailable
        }
        None => error.is_connection_dropped() && !error.is_connection_refusal(),
    }
}

/// Keeps middleboxes from dropping an idle connection.
pub(crate) fn tcp_settings() -> TcpSettings {
    TcpSettings::default().set_keepalive(
        TcpKeepalive::new()
            .with_time(Duration::from_secs(30))
            .with_interval(Duration::from_secs(10)),
    )
}
