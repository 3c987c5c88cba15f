//! [`router()`]: the service as an axum router.

use axum::Router;
use dcv_resolver_core::Resolver;

use crate::builder::ResolveServiceBuilder;

/// Returns a router that answers resolve requests, with the defaults of
/// [`ResolveServiceBuilder`].
///
/// It is a [`ResolveService`](crate::ResolveService) as a fallback, so it finds
/// `/resolveSession` below any prefix and answers 404 to every other path.
///
/// # As part of a service
///
/// It can be merged with routes as it is. A service with a fallback of its own
/// cannot merge another; it nests the router below a prefix, and the gateway's
/// `[resolver] url` ends in that prefix:
///
/// ```
/// use axum::{Router, http::StatusCode};
/// use dcv_resolver_http::router;
/// # use axum::{body::Body, http::Request};
/// # use dcv_resolver_core::{MemoryStore, Resolver};
/// # use tower::ServiceExt;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let resolver = Resolver::new(MemoryStore::new());
///
/// // Answers /dcv/resolveSession, and /dcv/stage/resolveSession as well.
/// let app = Router::new()
///     .fallback(async || (StatusCode::NOT_FOUND, "no such page"))
///     .nest("/dcv", router(resolver));
/// # let status = async |path: &'static str| {
/// #     let request = Request::post(path).body(Body::empty()).unwrap();
/// #     app.clone().oneshot(request).await.unwrap().status()
/// # };
/// # assert_eq!(status("/dcv/resolveSession").await, StatusCode::BAD_REQUEST);
/// # assert_eq!(status("/dcv/stage/resolveSession").await, StatusCode::BAD_REQUEST);
/// # assert_eq!(status("/resolveSession").await, StatusCode::NOT_FOUND);
/// # Ok(())
/// # }
/// ```
///
/// Or it routes single paths to the service, which works in a router of any
/// state:
///
/// ```
/// use axum::{Router, http::StatusCode};
/// use dcv_resolver_http::ResolveService;
/// # use axum::{body::Body, http::Request};
/// # use dcv_resolver_core::{MemoryStore, Resolver};
/// # use tower::ServiceExt;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let resolver = Resolver::new(MemoryStore::new());
///
/// let app = Router::new()
///     .fallback(async || (StatusCode::NOT_FOUND, "no such page"))
///     .route_service("/resolveSession", ResolveService::new(resolver));
/// # let status = async |path: &'static str| {
/// #     let request = Request::post(path).body(Body::empty()).unwrap();
/// #     app.clone().oneshot(request).await.unwrap().status()
/// # };
/// # assert_eq!(status("/resolveSession").await, StatusCode::BAD_REQUEST);
/// # assert_eq!(status("/stage/resolveSession").await, StatusCode::NOT_FOUND);
/// # Ok(())
/// # }
/// ```
pub fn router(resolver: Resolver) -> Router {
    ResolveServiceBuilder::new(resolver).router()
}

impl ResolveServiceBuilder {
    /// Builds the service as the fallback of a [`Router`]; see
    /// [`router`](router()).
    pub fn router(self) -> Router {
        Router::new().fallback_service(self.build())
    }
}
