//! A server on a free port of 127.0.0.1.

use std::net::SocketAddr;

use axum::Router;
use dcv_resolver_http::server::{self, Server};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct RunningServer {
    /// Where it listens.
    pub address: SocketAddr,
    _stop: oneshot::Sender<()>,
    _task: JoinHandle<()>,
}

/// Starts `server`.
#[must_use = "dropping it stops the server"]
pub fn start(server: Server) -> RunningServer {
    let listener = server::listen(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        server
            .serve(listener, async {
                let _dropped = stopped.await;
            })
            .await;
    });
    RunningServer {
        address,
        _stop: stop,
        _task: task,
    }
}

/// Starts a server with the default limits.
#[must_use = "dropping it stops the server"]
pub fn start_app(app: Router) -> RunningServer {
    start(Server::new(app))
}
