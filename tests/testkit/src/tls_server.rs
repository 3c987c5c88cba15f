//! [`TlsServer`]: serves a router over TLS, and lets its connections become
//! WebSockets.
//!
//! The server of `dcv-resolver-server` does not upgrade connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::start_error::StartError;

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listener and its connections; dropping it ends them.
#[derive(Debug)]
pub(crate) struct TlsServer {
    address: SocketAddr,
    accepting: AbortHandle,
}

impl TlsServer {
    /// Listens on `address` and serves `router`.
    pub(crate) async fn start(
        address: SocketAddr,
        tls: Arc<ServerConfig>,
        router: Router,
    ) -> Result<Self, StartError> {
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = bound.await.map_err(|error: std::io::Error| {
            StartError::new(format!("cannot listen on {address}"), error)
        })?;
        let serving = serve(listener, TlsAcceptor::from(tls), router);
        Ok(Self {
            address,
            accepting: tokio::spawn(serving).abort_handle(),
        })
    }

    /// Returns where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, router: Router) {
    // Aborted with this task.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(serve_connection(stream, peer, tls.clone(), router.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    // There may be no descriptor left for a while.
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn serve_connection(stream: TcpStream, peer: SocketAddr, tls: TlsAcceptor, router: Router) {
    let stream = match tls.accept(stream).await {
        Ok(stream) => stream,
        Err(error) => return tracing::debug!(%peer, %error, "TLS handshake failed"),
    };
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(%peer, %error, "connection ended");
    }
}
