//! [`GatewayStandIn`]: what clients and resolvers expect of a gateway.

mod forward;
mod handle;
mod metrics;
mod session_query;
mod settings;
mod web_resources;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use dcv_resolver_client::{HttpClient, ResolverClient};
use dcv_resolver_dcv_config::GatewayConfig;
use tokio::sync::watch;

use crate::authority::Authority;
use crate::identity::Identity;
use crate::start_error::StartError;
use crate::tls_server::TlsServer;

use handle::Connections;
use metrics::Counters;
pub use metrics::{GatewayMetric, GatewayProtocol};
use settings::Settings;

/// A DCV Connection Gateway: it asks the resolver for every connection, and
/// forwards the connection to the server that the resolver names. Dropping it
/// closes every connection.
///
/// - `/` and the files of `[web-resources] local-resources-path` are served
///   without asking the resolver. Without that section, `/` is a 404.
/// - A WebSocket, and any other request with a session id, asks the resolver
///   with the client's address; with QUIC listeners in the configuration, a
///   WebSocket asks for both transports, as one login through a gateway does.
/// - A session that is not found is a 404. A resolver that fails and a DCV server
///   that cannot be reached are a 502. The text says which.
/// - [`count`](Self::count) returns what the metrics of a gateway would show.
///
/// It uses these keys of its configuration, and ignores the others, such as
/// `url` of `[web-resources]`:
///
/// | section | keys |
/// |---|---|
/// | `[gateway]` | `web-listen-endpoints`, `web-port`, `quic-listen-endpoints`, `cert-file`, `cert-key-file` |
/// | `[resolver]` | `url`, `ca-file`, `tls-strict`, `minimum-tls-version`, `cert-file`, `cert-key-file`, `http-establish-timeout` |
/// | `[dcv]` | `ca-file`, `tls-strict`, `minimum-tls-version` |
/// | `[web-resources]` | `local-resources-path` |
///
/// # What is assumed
///
/// How a client passes the session id to a gateway is not documented. The id is
/// behind the `#` of the link, which no browser sends: so a script of the page
/// must send it. Here it is the parameter `sessionId` in the URL of the
/// WebSocket, and the token is `authToken`. A request without an id is answered
/// with 404, and the resolver is not asked. The id is replaced by the `SessionId`
/// of the resolver's answer, and the path is appended to its `WebUrlPath`.
///
/// # What it cannot do
///
/// It carries no QUIC: the resolver's answer for QUIC is counted, and has no
/// other effect. It does not reload its configuration.
#[derive(Debug)]
pub struct GatewayStandIn {
    servers: Vec<TlsServer>,
    counters: Counters,
    /// Ends the WebSockets, which are no longer connections of the servers.
    _stop: watch::Sender<()>,
}

impl GatewayStandIn {
    /// Starts a gateway.
    ///
    /// A listener with port 0 gets a free port. Without `cert-file`, the
    /// certificate is self-signed, for `localhost`.
    ///
    /// # Errors
    ///
    /// [`StartError`], when a gateway would not accept a setting, a file cannot
    /// be used, or an address is taken.
    pub async fn start(config: &GatewayConfig) -> Result<Self, StartError> {
        let settings = Settings::new(config)?;
        let resolver = HttpClient::builder(settings.resolver_url)
            .tls(settings.resolver_tls)
            .connect_timeout(settings.establish_timeout)
            .build()
            .map_err(|error| StartError::new("cannot use [resolver]", error))?;
        let identity = match &settings.certificate {
            Some((certificate, key)) => Identity::read(certificate, key)?,
            None => Authority::new("CA of a gateway")?.issue(&["localhost".to_owned()])?,
        };
        let tls = identity.server_config()?;
        let counters = Counters::default();
        let (stop, stopped) = watch::channel(());
        let connections = Arc::new(Connections {
            resolver: ResolverClient::new(resolver),
            dcv_tls: settings.dcv_tls,
            has_quic: settings.has_quic,
            web_resources: settings.local_resources_path,
            counters: counters.clone(),
            stopped,
        });
        let router = Router::new()
            .fallback(handle::handle)
            .with_state(connections);
        let mut servers = Vec::new();
        for address in settings.web_addresses {
            servers.push(TlsServer::start(address, Arc::clone(&tls), router.clone()).await?);
        }
        Ok(Self {
            servers,
            counters,
            _stop: stop,
        })
    }

    /// Returns the address of each of its `web-listen-endpoints`.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.servers.iter().map(TlsServer::address)
    }

    /// Returns how often something happened, as the metric of this name and
    /// protocol would show it.
    #[must_use]
    pub fn count(&self, metric: GatewayMetric, protocol: GatewayProtocol) -> u64 {
        self.counters.count(metric, protocol)
    }
}
