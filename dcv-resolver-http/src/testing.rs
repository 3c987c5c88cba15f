//! Helpers for unit tests of a service that embeds a resolver: a request as a
//! gateway sends it, and decisions for a [`DecisionObserver`]. They need no
//! network.
//!
//! [`DecisionObserver`]: crate::DecisionObserver

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, Uri};
use axum::response::Response;
use dcv_resolver_core::{Resolution, ResolveRequest};
use http_body_util::BodyExt;
use tower::{Service, ServiceExt};

use crate::decision::Decision;
use crate::problem::Problem;

/// The response to a gateway.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GatewayResponse {
    /// The status: 200 is a destination, 404 is "no such session", and
    /// everything else is a failed resolver.
    pub status: StatusCode,
    /// The body: five keys, or a problem document.
    pub body: String,
    /// The decision in the response's extensions. `None` if the request did not
    /// reach the [`ResolveService`](crate::ResolveService), or if a middleware
    /// replaced the response.
    pub decision: Option<Arc<Decision>>,
}

/// Sends `request` to `service` as a gateway does, and returns the response.
///
/// The service is a [`ResolveService`](crate::ResolveService), or a router with
/// one at `/resolveSession`.
///
/// ```
/// use dcv_resolver_core::{Expiry, MemoryStore, ResolveRequest, Resolver, SessionRecord, Transport};
/// use dcv_resolver_http::testing::resolve_as_gateway;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let record = SessionRecord::builder("console".parse()?, "ws-17.dcv.example".parse()?, Expiry::Never)
///     .http_port(8443)
///     .build()?;
/// let app = dcv_resolver_http::router(Resolver::new(MemoryStore::from_iter([record])));
///
/// let request = ResolveRequest::new("console".parse()?, Transport::Http);
/// let response = resolve_as_gateway(&app, &request).await;
/// assert_eq!(response.status, 200);
/// let decision = response.decision.ok_or("decided")?;
/// assert_eq!(decision.resolution().ok_or("found")?.port(), 8443);
///
/// let request = ResolveRequest::new("console".parse()?, Transport::Quic);
/// let response = resolve_as_gateway(&app, &request).await;
/// assert_eq!(response.status, 404);
/// assert!(response.body.contains(r#""reason":"transport_not_offered""#));
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Panics if the body of the response cannot be read or is not UTF-8.
#[expect(clippy::expect_used, reason = "a test panics on what cannot be")]
pub async fn resolve_as_gateway<S>(service: &S, request: &ResolveRequest) -> GatewayResponse
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Sync,
{
    let id: String = request
        .session_id()
        .as_str()
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect();
    let mut uri = format!(
        "/resolveSession?sessionId={id}&transport={}",
        request.transport()
    );
    if let Some(address) = request.client_ip() {
        uri.push_str(&format!("&clientIpAddress={address}"));
    }
    let request = Request::post(uri)
        .header("accept", "application/json")
        .body(Body::empty())
        .expect("the id is percent-encoded");
    let Ok(response) = service.clone().oneshot(request).await;
    let (mut parts, body) = response.into_parts();
    let body = body.collect().await.expect("the body can be read");
    GatewayResponse {
        status: parts.status,
        body: String::from_utf8(body.to_bytes().into()).expect("the body is UTF-8"),
        decision: parts.extensions.remove(),
    }
}

/// Returns a decision with this result, for a unit test of a
/// [`DecisionObserver`](crate::DecisionObserver). All other fields have neutral
/// values; set those that the test needs.
///
/// ```
/// use dcv_resolver_core::NotFound;
/// use dcv_resolver_http::{DecisionLog, DecisionObserver, Problem, testing};
///
/// let mut decision = testing::decision(Err(Problem::NotFound(NotFound::Unknown)));
/// decision.store = Some("inventory".into());
/// DecisionLog.on_decision(&decision);
/// assert_eq!(decision.reason(), Some("unknown"));
/// ```
#[expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "it never panics: the id is a constant"
)]
#[must_use]
pub fn decision(result: Result<Resolution, Problem>) -> Decision {
    Decision {
        method: Method::POST,
        uri: Uri::from_static("/resolveSession"),
        request: None,
        invalid_client_ip: None,
        result: Some(result),
        store: None,
        policy: None,
        record: None,
        elapsed: Duration::ZERO,
        caller: None,
        request_id: "test".parse().expect("a valid request id"),
        trace: None,
    }
}
