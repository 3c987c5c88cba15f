//! [`ReloadableRouter`]: a router that is replaced while it serves.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use tower::Service;

/// A [`Router`] that can be replaced while it serves, for a configuration that
/// is loaded anew.
///
/// A request is answered by the router that is there when it arrives, to its
/// end: a replacement neither delays nor fails one. The old router is dropped
/// when the last request in it is answered.
///
/// ```
/// use axum::{Router, body::Body, http::{Request, StatusCode}, routing::get};
/// use dcv_resolver_http::ReloadableRouter;
/// # use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let live = ReloadableRouter::new(Router::new());
/// let app = live.router();
/// live.replace(Router::new().route("/health", get(async || "healthy")));
///
/// let answer = app.oneshot(Request::get("/health").body(Body::empty())?).await?;
/// assert_eq!(answer.status(), StatusCode::OK);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ReloadableRouter {
    current: Arc<ArcSwap<Router>>,
}

impl ReloadableRouter {
    /// Begins with `router`.
    #[must_use]
    pub fn new(router: Router) -> Self {
        Self {
            current: Arc::new(ArcSwap::from_pointee(ready(router))),
        }
    }

    /// The router to serve: it passes each request to the router that is
    /// current.
    ///
    /// It has a fallback and nothing else. In a router that has a fallback
    /// too, it can be nested, though not merged.
    pub fn router(&self) -> Router {
        Router::new().fallback_service(Current(Arc::clone(&self.current)))
    }

    /// Answers every request that arrives from now on with `router`.
    pub fn replace(&self, router: Router) {
        self.current.store(Arc::new(ready(router)));
    }
}

/// Otherwise each request would turn the routes into services anew.
fn ready(router: Router) -> Router {
    router.with_state(())
}

impl fmt::Debug for ReloadableRouter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReloadableRouter").finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Current(Arc<ArcSwap<Router>>);

impl Service<Request> for Current {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A router always is.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let mut router = Router::clone(&self.0.load());
        Box::pin(router.call(request))
    }
}
