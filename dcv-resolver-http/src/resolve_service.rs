//! [`ResolveService`]: resolve requests as a [`tower::Service`].

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Bytes, HttpBody};
use axum::http::Request;
use axum::response::Response;
use dcv_resolver_core::Resolver;
use tower::Service;

use crate::builder::ResolveServiceBuilder;
use crate::in_flight::InFlight;
use crate::respond::Responder;

/// A [`tower::Service`] that answers resolve requests: the whole adapter, for
/// any server and any router.
///
/// It answers `POST` to every path that ends in `/resolveSession`, and 404 to
/// every other path; see [the answers](crate#the-answers). Clones share
/// everything, the limits included.
///
/// Calling it requires a tokio runtime with its timer enabled; creating it does
/// not.
///
/// ```
/// use axum::{body::Body, http::{Request, StatusCode}};
/// use dcv_resolver_core::{MemoryStore, Resolver};
/// use dcv_resolver_http::ResolveService;
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let service = ResolveService::new(Resolver::new(MemoryStore::new()));
///
/// let request = Request::post("/resolveSession?sessionId=console").body(Body::empty())?;
/// assert_eq!(service.oneshot(request).await?.status(), StatusCode::NOT_FOUND);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ResolveService(Arc<Responder>);

impl ResolveService {
    /// Creates a service with the defaults of [`ResolveServiceBuilder`].
    #[must_use]
    pub fn new(resolver: Resolver) -> Self {
        Self::builder(resolver).build()
    }

    /// Returns a builder for a service with other settings.
    pub fn builder(resolver: Resolver) -> ResolveServiceBuilder {
        ResolveServiceBuilder::new(resolver)
    }

    /// Returns the requests that are being decided, for metrics.
    #[must_use]
    pub fn in_flight(&self) -> InFlight {
        InFlight(Arc::downgrade(&self.0.limits.in_flight))
    }
}

impl ResolveServiceBuilder {
    /// Builds the service.
    ///
    /// Services built from clones of one builder share neither limits nor
    /// request ids.
    #[must_use]
    pub fn build(self) -> ResolveService {
        ResolveService(Arc::new(self.into_responder()))
    }
}

impl fmt::Debug for ResolveService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResolveService")
            .field("resolver", &self.0.resolver)
            .finish_non_exhaustive()
    }
}

impl<B> Service<Request<B>> for ResolveService
where
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(Arc::clone(&self.0).respond(request))
    }
}
