//! The floor: an axum handler that returns a constant, on `axum::serve` and the
//! runtime of the resolver.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// As long as what the resolver answers.
const ANSWER: &str = r#"{"SessionId":"00000000-0000-0000-0000-000000000000","TransportProtocol":"HTTP","DcvServerEndpoint":"ws-100.dcv.example","Port":8443,"WebUrlPath":"/"}"#;

/// Serves it, and prints where.
pub(crate) fn serve() {
    let app = Router::new().route(
        "/resolveSession",
        post(async || ([(CONTENT_TYPE, "application/json")], ANSWER)),
    );
    Runtime::new().unwrap().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        axum::serve(listener, app).await.unwrap();
    });
}
