//! A server on a free port of 127.0.0.1.

use std::net::SocketAddr;

use axum::Router;
use dcv_resolver_http::server::Server;
use tokio::net::TcpListener;
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
pub async fn start(server: Server) -> RunningServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
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
pub async fn start_app(app: Router) -> RunningServer {
    start(Server::new(app)).await
}
