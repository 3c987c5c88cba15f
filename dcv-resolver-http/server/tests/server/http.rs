//! HTTP/1: requests that are valid, and those that are not.

use crate::connections::eventually;
use crate::fixture::start;

#[tokio::test]
async fn connection_serves_many_requests() {
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
async fn http_1_0_connection_is_closed_after_the_response() {
    let server = start(|server| server).await;
    let mut client = server.client().await;
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.answer().await.body, "hello");
    client.closed().await;
}

#[tokio::test]
async fn connection_close_in_request_closes_after_the_response() {
    let server = start(|server| server).await;
    let mut client = server.client().await;
    client
        .send("GET / HTTP/1.1\r\nhost: server.example\r\nconnection: close\r\n\r\n")
        .await;
    assert_eq!(client.answer().await.body, "hello");
    client.closed().await;
}

#[tokio::test]
async fn head_request_gets_content_length_and_no_body() {
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
async fn expect_continue_is_answered_only_if_the_body_is_read() {
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
    assert_eq!(client.answer().await.body, "not read");
}

#[tokio::test]
async fn request_that_is_not_http_1_is_refused_and_closed() {
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
async fn handler_gets_the_client_address() {
    let server = start(|server| server).await;
    let mut client = server.client().await;
    let address = client.address().to_string();
    assert_eq!(client.get("/peer").await.body, address);
}

#[tokio::test]
async fn panic_closes_only_its_own_connection() {
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
    let connections = server.connections.clone();
    eventually("one is open", || connections.open() == 1).await;
}

#[tokio::test]
async fn client_that_closes_its_side_after_the_request_gets_the_response() {
    let server = start(|server| server).await;
    // In one go, as `nc -N` does.
    let mut client = server.client().await;
    client
        .send_now(b"POST /echo HTTP/1.1\r\nhost: server.example\r\ncontent-length: 4\r\n\r\nbody");
    client.finish().await;
    assert_eq!(client.answer().await.body, "body");
    client.closed().await;

    let mut client = server.gated_client().await;
    client.finish().await;
    server.gate.exit.add_permits(1);
    assert_eq!(client.answer().await.body, "out");
    client.closed().await;
}
