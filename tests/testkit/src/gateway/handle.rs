//! [`handle`]: decides what happens to a client's request.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::{Method, Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use dcv_resolver_client::read_answer;
use dcv_resolver_client::{Answer, Destination, RequestErrorKind, ResolverClient, TlsOptions};
use dcv_resolver_core::{ResolveRequest, SessionId, Transport};
use tokio::sync::watch;

use super::forward::forward;
use super::metrics::{Counters, GatewayMetric, GatewayProtocol};
use super::session_query::SessionQuery;
use super::web_resources;

/// What the handlers of all connections share.
#[derive(Debug)]
pub(super) struct Connections {
    pub(super) resolver: ResolverClient,
    pub(super) dcv_tls: TlsOptions,
    pub(super) has_quic: bool,
    pub(super) web_resources: Option<PathBuf>,
    pub(super) counters: Counters,
    /// Ends when the gateway is dropped.
    pub(super) stopped: watch::Receiver<()>,
}

/// Why a client gets nothing, as a response.
type Refusal = (StatusCode, String);

/// Serves a file of `[web-resources]`, or forwards the request to the server
/// that the resolver names.
pub(super) async fn handle(
    State(connections): State<Arc<Connections>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response {
    let protocol = protocol_of(&request);
    if protocol == GatewayProtocol::Http {
        // A body cannot be shared between threads, so the request is not borrowed.
        let (is_get, path) = (
            request.method() == Method::GET,
            request.uri().path().to_owned(),
        );
        if is_get && let Some(response) = connections.web_resource(&path).await {
            return response;
        }
        if path == "/" {
            let what = "the gateway has no [web-resources], so it serves no page";
            return (StatusCode::NOT_FOUND, what).into_response();
        }
    }
    match connections.connect(protocol, peer, request).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

fn protocol_of(request: &Request<Body>) -> GatewayProtocol {
    let upgrade = request.headers().get(header::UPGRADE);
    if upgrade.is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket")) {
        GatewayProtocol::WebSocket
    } else {
        GatewayProtocol::Http
    }
}

impl Connections {
    async fn web_resource(&self, path: &str) -> Option<Response> {
        web_resources::read(self.web_resources.as_ref()?, path).await
    }

    async fn connect(
        &self,
        protocol: GatewayProtocol,
        peer: SocketAddr,
        request: Request<Body>,
    ) -> Result<Response, Refusal> {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let query = SessionQuery::new(&query);
        let id = query.session_id().unwrap_or_default();
        let session_id: SessionId = id.parse().map_err(|error| {
            let what = format!("the gateway got no valid session id: {error}");
            (StatusCode::NOT_FOUND, what)
        })?;
        let ask = |transport, protocol| {
            let request = ResolveRequest::new(session_id.clone(), transport);
            self.ask(request.with_client_ip(peer.ip()), protocol)
        };
        let destination = if protocol == GatewayProtocol::WebSocket && self.has_quic {
            // Only the WebSocket can be carried.
            let (http, _quic) = tokio::join!(
                ask(Transport::Http, protocol),
                ask(Transport::Quic, GatewayProtocol::Quic)
            );
            http?
        } else {
            ask(Transport::Http, protocol).await?
        };
        let query = query.with_session_id(destination.session_id.as_str());
        let forwarded = forward(
            &destination,
            &self.dcv_tls,
            &query,
            request,
            self.stopped.clone(),
        );
        forwarded.await.map_err(|error| {
            self.counters.add(target_error(error.kind()), protocol);
            let what = format!("the gateway cannot connect to the DCV server: {error}");
            (StatusCode::BAD_GATEWAY, what)
        })
    }

    /// Asks the resolver, and counts its answer by the status alone.
    async fn ask(
        &self,
        request: ResolveRequest,
        protocol: GatewayProtocol,
    ) -> Result<Destination, Refusal> {
        let response = match self.resolver.ask(&request).await {
            Ok(response) => response,
            Err(error) => {
                let metric = GatewayMetric::SessionResolverConnectionErrorCount;
                self.counters.add(metric, protocol);
                let what = format!("the session resolver does not answer: {error}");
                return Err((StatusCode::BAD_GATEWAY, what));
            }
        };
        let status = response.status();
        self.counters.add(
            match status {
                StatusCode::OK => GatewayMetric::SessionResolverSuccessCount,
                StatusCode::NOT_FOUND => GatewayMetric::SessionResolverNotFoundCount,
                _ => GatewayMetric::SessionResolverInvalidResponseCount,
            },
            protocol,
        );
        if status == StatusCode::NOT_FOUND {
            let what = format!(
                "the session resolver knows no session {:?} for {}",
                request.session_id().as_str(),
                request.transport()
            );
            return Err((StatusCode::NOT_FOUND, what));
        }
        match read_answer(&request, &response) {
            Ok(Answer::Found(destination)) => Ok(destination),
            Ok(other) => Err((StatusCode::BAD_GATEWAY, format!("{other:?}"))),
            Err(error) => Err((StatusCode::BAD_GATEWAY, error.to_string())),
        }
    }
}

/// Returns what counts that there is no connection to the DCV server.
const fn target_error(kind: RequestErrorKind) -> GatewayMetric {
    match kind {
        RequestErrorKind::Tls | RequestErrorKind::TlsTimeout => {
            GatewayMetric::TargetTlsNegotiationErrorCount
        }
        _ => GatewayMetric::TargetUnreachableErrorCount,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handshake_that_is_not_finished_in_time_is_an_error_of_tls() {
        let tls = GatewayMetric::TargetTlsNegotiationErrorCount;
        assert_eq!(target_error(RequestErrorKind::TlsTimeout), tls);
        assert_eq!(target_error(RequestErrorKind::Tls), tls);
        let unreachable = GatewayMetric::TargetUnreachableErrorCount;
        assert_eq!(target_error(RequestErrorKind::ConnectTimeout), unreachable);
    }
}
