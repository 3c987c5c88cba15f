//! [`router()`]: the service as an axum router.

use axum::Router;
use dcv_resolver_core::Resolver;

use crate::builder::ResolveServiceBuilder;

/// Returns a router that answers resolve requests, with the defaults of
/// [`ResolveServiceBuilder`].
///
/// The router has a [`ResolveService`](crate::ResolveService) as its fallback,
/// so it answers `/resolveSession` below any prefix, and every other path with
/// 404.
///
/// # As part of a service
///
/// Merge it with your own routes. A router that already has a fallback cannot
/// merge another one; nest this router below a prefix instead, and let the
/// gateway's `[resolver] url` end in that prefix:
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
/// Or route single paths to the service, which works in a router with any
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
