//! [`ReloadableService`]: a service that is replaced while it serves.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use tower::Service;
use tower::util::{Oneshot, ServiceExt};

/// A [`Service`] that can be replaced while it serves, for a configuration that
/// is reloaded.
///
/// Each request is answered by the service that is current when it arrives: a
/// replacement neither delays nor fails it. The old service is dropped when the
/// last request in it is answered. Clones share the service.
///
/// ```
/// use axum::{Router, body::Body, http::{Request, StatusCode}, routing::get};
/// use dcv_resolver_http::ReloadableService;
/// # use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let service = ReloadableService::new(Router::new());
/// let served = service.clone();
/// service.replace(Router::new().route("/health", get(async || "healthy")));
///
/// let response = served.oneshot(Request::get("/health").body(Body::empty())?).await?;
/// assert_eq!(response.status(), StatusCode::OK);
/// # Ok(())
/// # }
/// ```
pub struct ReloadableService<S>(Arc<ArcSwap<S>>);

impl<S> ReloadableService<S> {
    /// Creates a service that starts with `service`.
    #[must_use]
    pub fn new(service: S) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(service)))
    }

    /// Answers every request that arrives from now on with `service`.
    pub fn replace(&self, service: S) {
        self.0.store(Arc::new(service));
    }

    /// Returns the current service.
    #[must_use]
    pub fn current(&self) -> Arc<S> {
        self.0.load_full()
    }
}

impl<S> Clone for ReloadableService<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for ReloadableService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReloadableService").finish_non_exhaustive()
    }
}

impl<S, R> Service<R> for ReloadableService<S>
where
    S: Service<R> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Oneshot<S, R>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // The service that answers is chosen only when the request arrives, so
        // its readiness cannot be checked here: `call` awaits it.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        S::clone(&self.0.load()).oneshot(request)
    }
}
