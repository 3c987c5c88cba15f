//! One service for the gateways of several tenants. Each tenant has a resolver and
//! a store of its own, so that no id and no cache is shared; the request decides
//! which resolver answers.
//!
//! - By path prefix: the gateways of `acme` have the URL
//!   `http://resolver.example:9000/acme`, to which they add `/resolveSession`.
//! - By host: they have `http://acme.resolver.example:9000`, and send that name in
//!   the `Host` header.
//!
//! ```text
//! cargo run --example multi_tenant
//! curl -X POST 'http://127.0.0.1:9000/acme/resolveSession?sessionId=console'
//! curl -X POST -H 'host: acme.resolver.example' \
//!     'http://127.0.0.1:9000/resolveSession?sessionId=console'
//! ```
//!
//! Neither authenticates a gateway: any client that can reach the listener can
//! ask for any tenant. Require client certificates, or give each tenant a
//! listener of its own.

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::response::{IntoResponse, Response};
use dcv_resolver_core::{Expiry, MemoryStore, Resolver, SessionRecord, SessionStore};
use dcv_resolver_http::ResolveService;
use tokio::net::TcpListener;
use tower::ServiceExt;

/// The service of each tenant, by its name.
type Tenants = HashMap<String, ResolveService>;

/// Builds the service of a tenant. A cache must be here, in front of this
/// tenant's store: in front of a store of all tenants, it would mix their
/// sessions.
fn tenant(store: impl SessionStore) -> ResolveService {
    ResolveService::new(Resolver::new(store))
}

/// Answers `/<tenant>/resolveSession`, and by host everything else.
fn app(tenants: Tenants, domain: &'static str) -> Router {
    let by_path = tenants
        .iter()
        .fold(Router::new(), |router, (name, service)| {
            router.nest_service(&format!("/{name}"), service.clone())
        });
    let tenants = Arc::new(tenants);
    by_path
        .fallback(move |State(tenants): State<Arc<Tenants>>, request| {
            by_host(tenants, domain, request)
        })
        .with_state(tenants)
}

/// Answers with the tenant whose name is in front of `domain`.
async fn by_host(
    tenants: Arc<Tenants>,
    domain: &str,
    request: Request,
) -> Result<Response, Infallible> {
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok());
    let name = host.and_then(|host| tenant_name(host, domain));
    match name.and_then(|name| tenants.get(&name)) {
        Some(service) => service.clone().oneshot(request).await,
        // Not 404, which means to a gateway that there is no such session.
        None => Ok((StatusCode::MISDIRECTED_REQUEST, "no such tenant").into_response()),
    }
}

/// Returns `acme` for `acme.resolver.example:9000`.
fn tenant_name(host: &str, domain: &str) -> Option<String> {
    let name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
    // Host names are compared without regard to case.
    let name = name.to_ascii_lowercase();
    let tenant = name.strip_suffix(domain)?.strip_suffix('.')?;
    Some(tenant.to_owned())
}

fn session(host: &str) -> Result<SessionRecord, Box<dyn Error>> {
    let record = SessionRecord::builder("console".parse()?, host.parse()?, Expiry::Never);
    Ok(record.http_port(8443).build()?)
}

fn tenants() -> Result<Tenants, Box<dyn Error>> {
    let mut tenants = Tenants::new();
    for (name, host) in [("acme", "192.0.2.7"), ("globex", "198.51.100.7")] {
        let store = MemoryStore::from_iter([session(host)?]);
        tenants.insert(name.to_owned(), tenant(store));
    }
    Ok(tenants)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:9000").await?;
    axum::serve(listener, app(tenants()?, "resolver.example")).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};

    use super::*;

    /// Returns the status, and the host of the session or what went wrong.
    async fn ask(host: &str, path: &str) -> (StatusCode, String) {
        let app = app(tenants().unwrap(), "resolver.example");
        let request = Request::post(format!("{path}?sessionId=console")).header(HOST, host);
        let response = app.oneshot(request.body(Body::empty()).unwrap()).await;
        let response = response.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 16).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn each_tenant_has_its_own_console() {
        for (host, path, expected) in [
            ("acme.resolver.example", "/resolveSession", "192.0.2.7"),
            (
                "GLOBEX.resolver.example:9000",
                "/resolveSession",
                "198.51.100.7",
            ),
            ("resolver.example", "/acme/resolveSession", "192.0.2.7"),
            ("192.0.2.1:9000", "/globex/resolveSession", "198.51.100.7"),
        ] {
            let (status, body) = ask(host, path).await;
            assert_eq!(status, StatusCode::OK, "{host}{path}: {body}");
            assert!(body.contains(expected), "{host}{path}: {body}");
        }
    }

    #[tokio::test]
    async fn unknown_tenant_is_not_an_unknown_session() {
        for (host, path) in [
            ("initech.resolver.example", "/resolveSession"),
            ("resolver.example", "/initech/resolveSession"),
            ("acme.resolver.example.evil.example", "/resolveSession"),
            ("acmeresolver.example", "/resolveSession"),
        ] {
            let (status, _) = ask(host, path).await;
            assert_eq!(status, StatusCode::MISDIRECTED_REQUEST, "{host}{path}");
        }
    }
}
