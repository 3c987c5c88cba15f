//! [`App`]: what a server serves.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use tower::Service;

use crate::ResolveService;

#[derive(Debug, Clone)]
pub(super) enum App {
    Router(Router),
    Resolve(ResolveService),
}

impl App {
    /// Answers a request that comes from `peer`.
    pub(super) async fn answer(self, peer: SocketAddr, mut request: Request<Incoming>) -> Response {
        match self {
            Self::Router(mut router) => {
                request.extensions_mut().insert(ConnectInfo(peer));
                match router.call(request).await {
                    Ok(answer) => answer,
                }
            }
            // Told who it is, it needs no extension for that.
            Self::Resolve(service) => {
                let caller = peer.ip().to_canonical();
                service.answer(Some(caller), request).await
            }
        }
    }
}
