//! [`Servers`]: connects to a server, to the master that the sentinels name, or to
//! a cluster.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClientBuilder;
use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::TcpKeepalive;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo,
    ProtocolVersion, PushInfo, RedisConnectionInfo, RedisError, RedisResult, Value,
};
use tokio::time::timeout;

use crate::connection::RedisConnection;
use crate::error::timed_out;
use crate::reply::is_master;
use crate::tls::{Tls, ensure_crypto_provider};
use crate::topology::{Credentials, Node, Topology};

/// The servers to connect to, and how.
#[derive(Debug, Clone)]
pub(crate) struct Servers {
    pub(crate) topology: Topology,
    pub(crate) database: i64,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) sentinel_credentials: Option<Credentials>,
    pub(crate) tls: Option<Tls>,
    pub(crate) connect_timeout: Duration,
}

/// A connection, and the server that it leads to; that of a cluster leads to
/// several.
pub(crate) struct Reached {
    pub(crate) connection: RedisConnection,
    pub(crate) node: Option<Node>,
}

/// How many connections are made one after the other at most: to a sentinel and to
/// the master, or to a seed, to the seed again and to all nodes.
const STEPS: u32 = 3;

impl Servers {
    /// Connects within [`STEPS`] times the connect timeout.
    ///
    /// Only the connection to a cluster has a timeout for replies: without
    /// `response_timeout` it would wait for a silent node indefinitely.
    pub(crate) async fn connect(&self, response_timeout: Duration) -> RedisResult<Reached> {
        if self.tls.is_some() {
            ensure_crypto_provider();
        }
        let attempt = async {
            let (connection, node) = match &self.topology {
                Topology::Single(node) => {
                    let connection = self.connect_to(node).await?.connection;
                    (connection.into(), Some(node.clone()))
                }
                Topology::Sentinel { sentinels, service } => {
                    let asked = sentinels.iter().map(|node| self.master(node, service));
                    let (connection, node) = first_success(asked).await?;
                    (connection.into(), Some(node))
                }
                Topology::Cluster { seeds } => (self.cluster(seeds, response_timeout).await?, None),
            };
            Ok(Reached { connection, node })
        };
        timeout(self.connect_timeout * STEPS, attempt)
            .await
            .unwrap_or_else(|_| Err(timed_out()))
    }

    /// Connects to `node`, and passes what the server pushes to `pushed`, in order
    /// with replies: what came before a reply is passed before it.
    ///
    /// The connection has no timeout for replies.
    pub(crate) async fn connect_pushed(
        &self,
        node: &Node,
        pushed: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> RedisResult<MultiplexedConnection> {
        if self.tls.is_some() {
            ensure_crypto_provider();
        }
        let info = self.connection_info(
            node,
            self.credentials.as_ref(),
            self.database,
            ProtocolVersion::RESP3,
        )?;
        let config = self.connection_config().set_push_sender(move |info| {
            pushed(info);
            Ok::<_, Infallible>(())
        });
        let client = Client::open(info)?;
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        match within(self.connect_timeout, connecting).await {
            Err(error) if lacks_resp3(&error) => Err(RedisError::from((
                ErrorKind::RESP3NotSupported,
                "the server does not speak RESP3",
            ))),
            result => result,
        }
    }

    fn connection_config(&self) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(None)
    }

    async fn connect_to(&self, node: &Node) -> RedisResult<Negotiated> {
        self.negotiate(node, self.credentials.as_ref(), self.database)
            .await
    }

    /// Connects to the master of `service` that `sentinel` names.
    async fn master(
        &self,
        sentinel: &Node,
        service: &str,
    ) -> RedisResult<(MultiplexedConnection, Node)> {
        let mut connection = self
            .negotiate(sentinel, self.sentinel_credentials.as_ref(), 0)
            .await?
            .connection;
        let mut command = redis::cmd("SENTINEL");
        command.arg("GET-MASTER-ADDR-BY-NAME").arg(service);
        let reply: Option<(String, u16)> =
            within(self.connect_timeout, command.query_async(&mut connection)).await?;
        let (host, port) = reply.ok_or((
            ErrorKind::MasterNameNotFoundBySentinel,
            "the sentinel does not know the service that the URL names",
        ))?;
        let node = Node { host, port };
        let mut master = self.connect_to(&node).await?.connection;
        // Right after a fail-over a sentinel may still name the old master, which
        // may be an empty replica by now.
        let role: Vec<Value> = within(
            self.connect_timeout,
            redis::cmd("ROLE").query_async(&mut master),
        )
        .await?;
        if !is_master(&role) {
            return Err(RedisError::from((
                ErrorKind::MasterNameNotFoundBySentinel,
                "the server that the sentinel names as master is a replica",
            )));
        }
        Ok((master, node))
    }

    async fn cluster(
        &self,
        seeds: &[Node],
        response_timeout: Duration,
    ) -> RedisResult<RedisConnection> {
        // The driver's cluster client does not distinguish a wrong password from
        // an outage, and does not fall back to the older protocol.
        let reached = first_success(seeds.iter().map(|seed| self.connect_to(seed))).await?;
        let infos = seeds
            .iter()
            .map(|seed| self.connection_info(seed, self.credentials.as_ref(), 0, reached.protocol))
            .collect::<RedisResult<Vec<_>>>()?;
        let mut builder = ClusterClientBuilder::new(infos)
            .connection_timeout(self.connect_timeout)
            .response_timeout(response_timeout)
            .overall_response_timeout(None)
            .tcp_settings(tcp_settings())
            // The defaults are longer than any time budget.
            .min_retry_wait(10)
            .max_retry_wait(100);
        if let Some(certificates) = self.tls.as_ref().and_then(Tls::certificates) {
            builder = builder.certs(certificates.clone());
        }
        let connection = builder.build()?.get_async_connection().await?;
        Ok(connection.into())
    }

    /// Connects with RESP3, or with RESP2 where the server knows no other.
    async fn negotiate(
        &self,
        node: &Node,
        credentials: Option<&Credentials>,
        database: i64,
    ) -> RedisResult<Negotiated> {
        let config = self.connection_config();
        let with = async |protocol| {
            let info = self.connection_info(node, credentials, database, protocol)?;
            let connection = Client::open(info)?
                .get_multiplexed_async_connection_with_config(&config)
                .await?;
            Ok(Negotiated {
                connection,
                protocol,
            })
        };
        match with(ProtocolVersion::RESP3).await {
            Err(error) if lacks_resp3(&error) => with(ProtocolVersion::RESP2).await,
            result => result,
        }
    }

    fn connection_info(
        &self,
        node: &Node,
        credentials: Option<&Credentials>,
        database: i64,
        protocol: ProtocolVersion,
    ) -> RedisResult<ConnectionInfo> {
        let address = match &self.tls {
            None => ConnectionAddr::Tcp(node.host.clone(), node.port),
            Some(tls) => tls.address(node)?,
        };
        let mut settings = RedisConnectionInfo::default()
            .set_db(database)
            .set_protocol(protocol);
        if let Some(Credentials { username, password }) = credentials {
            settings = settings.set_password(password);
            if let Some(username) = username {
                settings = settings.set_username(username);
            }
        }
        Ok(address
            .into_connection_info()?
            .set_redis_settings(settings)
            .set_tcp_settings(tcp_settings()))
    }
}

struct Negotiated {
    connection: MultiplexedConnection,
    protocol: ProtocolVersion,
}

/// Whether the server did not understand `HELLO 3`. Its reply may repeat the
/// password, so it must not be kept.
fn lacks_resp3(error: &RedisError) -> bool {
    error.kind() == ErrorKind::RESP3NotSupported
        || error.code() == Some("NOPROTO")
        || (error.code() == Some("ERR")
            && error
                .detail()
                .is_some_and(|detail| detail.to_ascii_lowercase().contains("unknown command")))
}

/// Keeps middleboxes from dropping an idle connection.
fn tcp_settings() -> TcpSettings {
    TcpSettings::default().set_keepalive(
        TcpKeepalive::new()
            .with_time(Duration::from_secs(30))
            .with_interval(Duration::from_secs(10)),
    )
}

async fn within<T>(limit: Duration, reply: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    timeout(limit, reply)
        .await
        .unwrap_or_else(|_| Err(timed_out()))
}

/// Returns the first success of attempts that all start at once, or the last
/// failure.
async fn first_success<T>(
    attempts: impl Iterator<Item = impl Future<Output = RedisResult<T>>>,
) -> RedisResult<T> {
    let mut attempts: FuturesUnordered<_> = attempts.collect();
    let mut last = RedisError::from((ErrorKind::EmptySentinelList, "no server is configured"));
    while let Some(result) = attempts.next().await {
        match result {
            Ok(success) => return Ok(success),
            Err(error) => last = error,
        }
    }
    Err(last)
}
