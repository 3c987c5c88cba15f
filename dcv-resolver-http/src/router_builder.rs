//! [`router`] and [`RouterBuilder`]: an axum router over a resolver.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use dcv_resolver_core::Resolver;

use crate::exchange::{Shared, answer};
use crate::request_id::RequestIds;

/// A router that answers resolve requests, with the defaults of
/// [`RouterBuilder`], which also tells how to make it part of a service.
pub fn router<S: Clone + Send + Sync + 'static>(resolver: Resolver) -> Router<S> {
    RouterBuilder::new(resolver).build()
}

/// Makes a router that answers resolve requests.
///
/// When the router is asked, and not before, it needs a tokio runtime with its
/// timer enabled.
///
/// # As part of a service
///
/// The router has a fallback, which finds `/resolveSession` below any prefix
/// and answers 404 to every other path. Beside routes alone it can be merged
/// as it is. A service with a fallback of its own has two ways, since axum
/// panics when two fallbacks are merged: leave this one out, so that only
/// `/resolveSession` itself is answered,
///
/// ```
/// use axum::{Router, http::StatusCode};
/// use dcv_resolver_http::RouterBuilder;
/// # use axum::{body::Body, http::Request};
/// # use dcv_resolver_core::{MemoryStore, Resolver};
/// # use tower::ServiceExt;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let resolver = Resolver::new(MemoryStore::new());
///
/// let app = Router::new()
///     .fallback(async || (StatusCode::NOT_FOUND, "no such page"))
///     .merge(RouterBuilder::new(resolver).any_prefix(false).build());
/// # let status = async |path: &'static str| {
/// #     let request = Request::post(path).body(Body::empty()).unwrap();
/// #     app.clone().oneshot(request).await.unwrap().status()
/// # };
/// # assert_eq!(status("/resolveSession").await, StatusCode::BAD_REQUEST);
/// # assert_eq!(status("/stage/resolveSession").await, StatusCode::NOT_FOUND);
/// # Ok(())
/// # }
/// ```
///
/// or nest it: then it answers below its own prefix, and the service's
/// fallback everywhere else. The gateway's `[resolver] url` ends in that
/// prefix.
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
/// A service whose `Router` still misses its state takes this one as well: it
/// needs none, whatever the type.
#[derive(Debug, Clone)]
pub struct RouterBuilder {
    resolver: Resolver,
    time_budget: Duration,
    any_prefix: bool,
}

impl RouterBuilder {
    /// A builder with the defaults: a time budget of 1 s, any prefix.
    #[must_use]
    pub fn new(resolver: Resolver) -> Self {
        Self {
            resolver,
            time_budget: Duration::from_secs(1),
            any_prefix: true,
        }
    }

    /// How long an answer may take, from the request's arrival in the router.
    /// A store that has not answered by then is given up on: 503.
    ///
    /// A store that blocks its thread cannot be given up on.
    #[must_use]
    pub fn time_budget(mut self, time_budget: Duration) -> Self {
        self.time_budget = time_budget;
        self
    }

    /// Whether `/resolveSession` is answered below any prefix, for gateways
    /// whose `[resolver] url` has a path. Without it the router has no
    /// fallback, and answers `/resolveSession` with one slash more on either
    /// side at most.
    #[must_use]
    pub fn any_prefix(mut self, any_prefix: bool) -> Self {
        self.any_prefix = any_prefix;
        self
    }

    /// Makes the router.
    pub fn build<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let shared = Shared {
            resolver: self.resolver,
            time_budget: self.time_budget,
            request_ids: RequestIds::new(),
        };
        // A gateway appends `/resolveSession` to its url, which may end in a
        // slash.
        let mut router = Router::new()
            .route("/resolveSession", any(answer))
            .route("/resolveSession/", any(answer))
            .route("//resolveSession", any(answer));
        if self.any_prefix {
            router = router.fallback(answer);
        }
        router.with_state(Arc::new(shared))
    }
}
