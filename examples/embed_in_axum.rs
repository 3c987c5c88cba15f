//! A service that answers resolve requests beside its own routes. It has its own
//! metrics registry and its own sign-in for operators.
//!
//! ```text
//! cargo run --example embed_in_axum
//! curl -X POST 'http://127.0.0.1:9000/resolveSession?sessionId=console&transport=HTTP'
//! curl http://127.0.0.1:9000/about
//! curl http://127.0.0.1:9001/metrics
//! curl http://127.0.0.1:9001/resolver/readyz
//! curl -H 'x-user: ann' -H 'accept: text/plain' \
//!     'http://127.0.0.1:9001/resolver/explain?sessionId=Console'
//! ```

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use dcv_resolver_authorize::{AccessRequest, AuthError, Authorize, Principal};
use dcv_resolver_core::{Expiry, Explainer, MemoryStore, Resolver, SessionRecord, async_trait};
use dcv_resolver_http::ResolveService;
use dcv_resolver_ops::prometheus_client::metrics::counter::Counter;
use dcv_resolver_ops::prometheus_client::registry::Registry;
use dcv_resolver_ops::{Metrics, MetricsFormat, OpsBuilder, Readiness};
use dcv_resolver_server::{self as server, Server};
use tokio::net::TcpListener;

/// Trusts the user name that the service's proxy adds after the sign-in.
#[derive(Debug)]
struct SignedIn;

#[async_trait]
impl Authorize for SignedIn {
    async fn authorize(&self, request: &AccessRequest<'_>) -> Result<Principal, AuthError> {
        match request.headers.get("x-user").map(|user| user.to_str()) {
            Some(Ok(user)) => Ok(Principal::new(user)),
            _ => Err(AuthError::Forbidden("sign in first".into())),
        }
    }
}

/// Serves gateways, beside the routes of the service.
fn app(resolver: Resolver, metrics: &Metrics, visits: Counter) -> Router {
    let about = async move || {
        visits.inc();
        "our own service"
    };
    let gateways = ResolveService::builder(resolver)
        .observer(metrics.clone())
        .build();
    metrics.watch_in_flight(gateways.in_flight());
    Router::new()
        .route("/about", get(about))
        .fallback_service(gateways)
}

/// Serves operators: the metrics of the whole service, and the pages of the
/// resolver.
fn ops(registry: Registry, explainer: Explainer, readiness: Readiness, metrics: Metrics) -> Router {
    let resolver = OpsBuilder::new(explainer, readiness)
        .metrics(metrics)
        .authorize(SignedIn);
    Router::new()
        .route("/metrics", get(metrics_page))
        .with_state(Arc::new(registry))
        .nest("/resolver", resolver.build())
}

async fn metrics_page(
    State(registry): State<Arc<Registry>>,
    headers: HeaderMap,
) -> impl IntoResponse {
    let format = MetricsFormat::negotiate(&headers);
    match format.encode(&registry) {
        Ok(text) => Ok(([(CONTENT_TYPE, format.content_type())], text)),
        Err(error) => Err((StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The service keeps the store and changes it while requests are answered.
    let store = Arc::new(MemoryStore::new());
    let resolver = Resolver::new(Arc::clone(&store));
    let readiness = Readiness::new(&resolver);
    tokio::spawn(readiness.watch());

    let mut registry = Registry::default();
    let visits = Counter::default();
    registry.register("about_visits", "Visits of /about", visits.clone());
    let metrics = Metrics::new();
    metrics.register(&mut registry);

    // With a listing, /explain suggests similar ids.
    let explainer =
        Explainer::new(resolver.clone()).with_listing("store", Arc::<MemoryStore>::clone(&store));
    let host = "ws-17.dcv.example".parse()?;
    let record = SessionRecord::builder("console".parse()?, host, Expiry::Never);
    store.insert(record.http_port(8443).build()?);

    // On loopback, axum's own server is enough.
    let listener = TcpListener::bind("127.0.0.1:9001").await?;
    let ops = ops(registry, explainer, readiness.clone(), metrics.clone());
    let ops = ops.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, ops).await });

    // Gateways are on other machines, so time and connections are limited.
    let listener = server::listen(([127, 0, 0, 1], 9000).into())?;
    let shutdown = async {
        // Without a signal handler, the service runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
        // During the drain, /readyz answers 503 and requests are still accepted.
        readiness.drain();
    };
    Server::new(app(resolver, &metrics, visits))
        .drain(Duration::from_secs(5))
        .serve(listener, shutdown)
        .await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    async fn get_page(router: &Router, path: &str, user: Option<&str>) -> (StatusCode, String) {
        let mut request = Request::get(path);
        if let Some(user) = user {
            request = request.header("x-user", user);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn service_metrics_include_those_of_the_resolver() {
        let resolver = Resolver::new(MemoryStore::new());
        let mut registry = Registry::default();
        let (metrics, visits) = (Metrics::new(), Counter::default());
        registry.register("about_visits", "Visits of /about", visits.clone());
        metrics.register(&mut registry);
        let readiness = Readiness::new(&resolver);
        let app = app(resolver.clone(), &metrics, visits);
        let ops = ops(registry, Explainer::new(resolver), readiness, metrics);

        assert_eq!(get_page(&app, "/about", None).await.1, "our own service");
        let request = Request::post("/resolveSession?sessionId=ann").body(Body::empty());
        let response = app.oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        let (_, text) = get_page(&ops, "/metrics", None).await;
        for sample in [
            "about_visits_total 1",
            "dcv_resolver_decisions_total{",
            "dcv_resolver_in_flight_requests 0",
        ] {
            assert!(text.contains(sample), "{sample} in {text}");
        }
    }

    #[tokio::test]
    async fn explain_is_refused_without_a_sign_in() {
        let resolver = Resolver::new(MemoryStore::new());
        let readiness = Readiness::new(&resolver);
        let explainer = Explainer::new(resolver);
        let ops = ops(Registry::default(), explainer, readiness, Metrics::new());
        let path = "/resolver/explain?sessionId=ann";
        let (refused, _) = get_page(&ops, path, None).await;
        assert_eq!(refused, StatusCode::FORBIDDEN);
        let (status, _) = get_page(&ops, path, Some("ann")).await;
        assert_eq!(status, StatusCode::OK);
    }
}
