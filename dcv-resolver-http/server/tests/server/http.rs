//! HTTP/1 as clients speak it.

use tracing::Level;

use crate::fixture::start;
use crate::log::Log;

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let server = start(|server| server).await;
    let mut client = server.client().await;
    for _ in 0..100 {
        assert_eq!(client.get("/").await.body, "hello");
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = start(|server| server).await;
    let mut client = server.client().await;
    let requests: String = (0..1000)
        .map(|number| {
            let body = number.to_string();
            let length = body.len();
            format!("POST /echo HTTP/1.1\r\nhost: server.example\r\ncontent-length: {length}\r\n\r\n{body}")
        })
        .collect();
    client.send(requests).await;
    for number in 0..1000 {
        assert_eq!(client.answer().await.body, number.to_string());
    }
}

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    let server = start(|server| server).await;
    let mut client = server.client().await;
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.answer().await.body, "hello");
    client.closed().await;
}

#[tokio::test]
async fn a_client_that_asks_to_close_is_answered_and_closed() {
    let server = start(|server| server).await;
    let mut client = server.client().await;
    client
        .send("GET / HTTP/1.1\r\nhost: server.example\r\nconnection: close\r\n\r\n")
        .await;
    assert_eq!(client.answer().await.body, "hello");
    client.closed().await;
}

#[tokio::test]
async fn a_head_request_gets_the_length_and_no_body() {
    let server = start(|server| server).await;
    let mut client = server.client().await;
    client
        .send("HEAD / HTTP/1.1\r\nhost: server.example\r\n\r\n")
        .await;
    let head = client.head().await;
    assert!(head.contains("content-length: 5\r\n"), "{head}");
    assert_eq!(client.get("/").await.body, "hello");
}

#[tokio::test]
async fn a_body_is_asked_for_when_it_is_wanted() {
    let server = start(|server| server).await;
    let head = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: server.example\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n"
        )
    };
    let mut client = server.client().await;
    client.send(head("/echo")).await;
    assert_eq!(client.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("body").await;
    assert_eq!(client.answer().await.body, "body");

    client.send(head("/deaf")).await;
    assert_eq!(client.answer().await.body, "not listening");
}

#[tokio::test]
async fn what_is_not_http_1_is_refused_and_closed() {
    let server = start(|server| server).await;
    for garbage in [
        "GET /\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n",
        "GET / HTTP/1.1\r\nx: a\r\n b\r\n\r\n",
        "GET / HTTP/1.1\r\nx : a\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n",
    ] {
        let mut client = server.client().await;
        client.send(garbage).await;
        assert_eq!(client.answer().await.status, 400, "{garbage:?}");
        client.closed().await;
    }
    let mut client = server.client().await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    client.closed().await;
}

#[tokio::test]
async fn a_handler_can_take_the_clients_address() {
    let server = start(|server| server).await;
    let mut client = server.client().await;
    let address = client.address().to_string();
    assert_eq!(client.get("/peer").await.body, address);
}

#[tokio::test]
async fn a_panic_ends_its_own_connection_only_and_is_reported() {
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    let server = start(|server| server).await;
    let mut bystander = server.client().await;
    assert_eq!(bystander.get("/").await.status, 200);

    let mut client = server.client().await;
    client
        .send("GET /panic HTTP/1.1\r\nhost: server.example\r\n\r\n")
        .await;
    client.closed().await;

    assert_eq!(bystander.get("/").await.status, 200);
    assert_eq!(server.client().await.get("/").await.status, 200);
    let log = log.text();
    assert_eq!(log.matches("a handler panicked").count(), 1, "{log}");
}

#[tokio::test]
async fn a_connection_that_ends_badly_is_a_matter_of_debugging() {
    let (log, _guard) = Log::of_this_thread(Level::DEBUG);
    let server = start(|server| server).await;
    let mut client = server.client().await;
    let address = client.address();
    client.send("nonsense\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 400);
    client.closed().await;
    server.stop().await;

    let log = log.text();
    assert!(log.contains("DEBUG dcv_resolver_server"), "{log}");
    assert!(log.contains(&format!("peer={address}")), "{log}");
    assert!(log.contains("invalid HTTP method parsed"), "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");
}
