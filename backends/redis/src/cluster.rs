//! Connects to a cluster.

use std::time::Duration;

use redis::cluster::ClusterClientBuilder;

use crate::connect::first_success;
use crate::connection::RedisConnection;
use crate::dial::{Dialer, tcp_settings};
use crate::failure::Failure;
use crate::paced_resolver::PacedResolver;
use crate::peer::Peer;
use crate::tls::LoadedTls;
use crate::topology::{Endpoint, Node};

/// How often the driver sends a command again, to another node or over a new
/// connection. A slot that moves needs a few; a cluster that is down makes all of
/// them.
const RETRIES: u32 = 6;

impl Dialer<'_> {
    pub(crate) async fn cluster(
        &self,
        seeds: &[Node],
        response_timeout: Duration,
    ) -> Result<RedisConnection, Failure> {
        let endpoint = |seed: &Node| Endpoint::Tcp(seed.clone());
        // The driver's cluster client does not distinguish a wrong password from
        // an outage, and does not fall back to the older protocol.
        let peers: Vec<_> = seeds.iter().map(|it| Peer::Server(endpoint(it))).collect();
        let reached = first_success(peers.iter().map(|peer| self.dial(peer))).await?;
        let infos = seeds
            .iter()
            .map(|seed| {
                self.connection_info(&endpoint(seed), self.login.as_ref(), 0, reached.protocol)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut builder = ClusterClientBuilder::new(infos)
            .connection_timeout(self.servers.connect_timeout)
            .response_timeout(response_timeout)
            .overall_response_timeout(None)
            .tcp_settings(tcp_settings())
            .async_dns_resolver(PacedResolver::default())
            .retries(RETRIES)
            // The defaults are longer than any time budget.
            .min_retry_wait(10)
            .max_retry_wait(100);
        if let Some(certificates) = self.tls.as_ref().and_then(LoadedTls::certificates) {
            builder = builder.certs(certificates.clone());
        }
        let password = || self.login.as_ref().map(|login| login.password.as_bytes());
        let client = builder
            .build()
            .map_err(|error| Failure::of(&error, password()))?;
        match client.get_async_connection().await {
            Ok(connection) => Ok(connection.into()),
            Err(error) => Err(Failure::of(&error, password())),
        }
    }
}
