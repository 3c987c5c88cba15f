//! [`ResolveService`]: what the router does, without a router.

use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use axum::body::{Bytes, HttpBody};
use axum::http::Request;
use axum::response::Response;
use tower::Service;

use crate::callers;
use crate::exchange::{self, Shared};

/// Answers resolve requests as the [router](crate::router()) does, below any
/// prefix and whatever the path, for a server that has nothing else to answer.
///
/// Routing costs as much again as all that a session in memory needs to be
/// resolved. So the ready server
/// [serves this one as it is](crate::server::Server::resolving); for others it
/// is a [`tower::Service`].
///
/// It can be [replaced](Self::replace) while it serves, for a configuration
/// that is loaded anew. Clones are the same service.
///
/// ```
/// use axum::{body::Body, http::{Request, StatusCode}};
/// use dcv_resolver_core::{MemoryStore, Resolver};
/// use dcv_resolver_http::ResolveServiceBuilder;
/// # use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let resolver = Resolver::new(MemoryStore::new());
/// let service = ResolveServiceBuilder::new(resolver).service();
///
/// let request = Request::post("/resolveSession?sessionId=console").body(Body::empty())?;
/// assert_eq!(service.oneshot(request).await?.status(), StatusCode::NOT_FOUND);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ResolveService {
    current: Arc<ArcSwap<Shared>>,
}

impl ResolveService {
    pub(crate) fn new(shared: Shared) -> Self {
        Self {
            current: Arc::new(ArcSwap::from_pointee(shared)),
        }
    }

    /// Answers every request that arrives from now on as `other` would.
    ///
    /// A request is answered by what is there when it arrives, to its end: a
    /// replacement neither delays nor fails one.
    pub fn replace(&self, other: &Self) {
        self.current.store(other.current.load_full());
    }

    /// Answers `request`, which comes from `caller`.
    pub(crate) async fn answer<B>(&self, caller: Option<IpAddr>, request: Request<B>) -> Response
    where
        B: HttpBody<Data = Bytes> + Unpin,
    {
        let shared = self.current.load_full();
        exchange::answer(&shared, caller, request).await
    }
}

impl fmt::Debug for ResolveService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResolveService").finish_non_exhaustive()
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
        let service = self.clone();
        Box::pin(async move {
            let caller = callers::caller(request.extensions());
            Ok(service.answer(caller, request).await)
        })
    }
}
