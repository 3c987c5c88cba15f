//! The floor: an axum handler that returns a constant, on `axum::serve` and the
//! runtime of the resolver.

use std::net::Ipv4Addr;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::failure::{Result, While};

/// As long as what the resolver answers.
const ANSWER: &str = r#"{"SessionId":"00000000-0000-0000-0000-000000000000","TransportProtocol":"HTTP","DcvServerEndpoint":"ws-100.dcv.example","Port":8443,"WebUrlPath":"/"}"#;
/// Of the session that it names.
pub(crate) const ID: &str = "00000000-0000-0000-0000-000000000000";

/// Serves it, and prints where.
pub(crate) fn serve() -> Result {
    let app = Router::new().route(
        "/resolveSession",
        post(async || ([(CONTENT_TYPE, "application/json")], ANSWER)),
    );
    serve_app(async { Ok(app) })
}

/// Serves what `app` comes to, and prints where.
pub(crate) fn serve_app(app: impl Future<Output = Result<Router>>) -> Result {
    let runtime = Runtime::new().while_doing("cannot start a runtime")?;
    runtime.block_on(async {
        let app = app.await?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.while_doing("cannot listen")?;
        let address = listener.local_addr().while_doing("cannot listen")?;
        println!("{address}");
        axum::serve(listener, app).await.while_doing("cannot serve")
    })
}
