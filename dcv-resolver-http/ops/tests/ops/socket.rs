//! The pages over a real socket.

#![expect(clippy::expect_used, reason = "a test stops at the first failure")]

use std::net::SocketAddr;
use std::time::Duration;

use dcv_resolver_ops::OpsBuilder;
use dcv_resolver_server::{Server, listen};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::endpoints::explainer;
use crate::readiness::watched;

const DEADLINE: Duration = Duration::from_secs(10);

async fn ask(address: SocketAddr, request: &str) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("{request} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    timeout(DEADLINE, exchange)
        .await
        .expect("no answer in time")
}

#[tokio::test]
async fn caller_on_a_loopback_socket_gets_an_explanation() {
    let explainer = explainer();
    let readiness = watched(explainer.resolver());
    let app = OpsBuilder::new(explainer, readiness.clone()).build();
    let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(Server::new(app).serve(listener, async {
        let _dropped = stopped.await;
    }));

    let ready = async {
        while !ask(address, "HEAD /readyz")
            .await
            .starts_with("HTTP/1.1 200 OK\r\n")
        {}
    };
    timeout(DEADLINE, ready).await.expect("not ready in time");
    let answer = ask(address, "GET /explain?sessionId=console").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains(r#""outcome":"found""#), "{answer}");
    let answer = ask(address, "DELETE /livez").await;
    assert!(answer.contains("\r\nallow: GET,HEAD\r\n"), "{answer}");

    readiness.drain();
    let answer = ask(address, "GET /readyz").await;
    assert!(
        answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
        "{answer}"
    );
    assert!(answer.contains(r#""state":"draining""#), "{answer}");

    drop(stop);
    timeout(DEADLINE, serving)
        .await
        .expect("it did not end")
        .unwrap();
}
