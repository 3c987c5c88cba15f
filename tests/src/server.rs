//! A server on a free port of 127.0.0.1.

use std::net::SocketAddr;

use axum::Router;
use dcv_resolver_http::ResolveService;
use dcv_resolver_server::{self as server, Server};
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

/// Starts a server of `service` with the default limits.
#[must_use = "dropping it stops the server"]
pub fn start(service: ResolveService) -> RunningServer {
    run(|listener, stopped| async {
        Server::new(service).serve(listener, stopped).await;
    })
}

/// Starts a server of `app` with the default limits.
#[must_use = "dropping it stops the server"]
pub fn start_app(app: Router) -> RunningServer {
    run(|listener, stopped| async {
        Server::new(app).serve(listener, stopped).await;
    })
}

type Stopped = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

fn run<F>(serve: impl FnOnce(TcpListener, Stopped) -> F) -> RunningServer
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = server::listen(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = Box::pin(async {
        let _dropped = stopped.await;
    });
    RunningServer {
        address,
        _stop: stop,
        _task: tokio::spawn(serve(listener, stopped)),
    }
}
