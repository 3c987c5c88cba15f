//! Heads that are too large, and too many connections.

use std::fmt::Write as _;
use std::time::Duration;

use crate::fixture::start;

/// A request's head of exactly `bytes` bytes.
fn head_of(bytes: usize) -> String {
    let start = "GET / HTTP/1.1\r\nx-long: ";
    let end = "\r\n\r\n";
    let fill = "x".repeat(bytes - start.len() - end.len());
    format!("{start}{fill}{end}")
}

/// A request's head with `count` fields.
fn head_with(count: usize) -> String {
    let mut head = "GET / HTTP/1.1\r\n".to_owned();
    for number in 0..count {
        write!(head, "x-{number}: {number}\r\n").unwrap();
    }
    head + "\r\n"
}

#[tokio::test]
async fn a_head_may_be_as_long_as_the_limit_and_no_longer() {
    for limit in [100, 4 * 1024, 16 * 1024, 100 * 1024] {
        let server = start(|server| server.max_header_bytes(limit)).await;
        let mut client = server.client().await;
        client.send(head_of(limit)).await;
        assert_eq!(client.answer().await.status, 200, "{limit}");
        client.send(head_of(limit + 1)).await;
        assert_eq!(client.answer().await.status, 431, "{limit}");
        client.closed().await;
    }
}

#[tokio::test]
async fn sixteen_kibibytes_are_the_limit_unless_told_otherwise() {
    let server = start(|server| server).await;
    let mut client = server.client().await;
    client.send(head_of(16 * 1024)).await;
    assert_eq!(client.answer().await.status, 200);
    client.send(head_of(16 * 1024 + 1)).await;
    assert_eq!(client.answer().await.status, 431);
    client.closed().await;
}

#[tokio::test]
async fn a_head_that_comes_in_pieces_is_held_to_the_limit_too() {
    let server = start(|server| server).await;
    let mut client = server.client().await;
    let head = head_of(17 * 1024);
    for piece in head.as_bytes()[..16 * 1024].chunks(1000) {
        client.send(piece).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.answer().await.status, 431);
    client.closed().await;
}

#[tokio::test]
async fn a_head_without_an_end_is_answered_when_it_is_too_long() {
    let server = start(|server| server).await;
    let mut client = server.client().await;
    client.send(&head_of(20_000)[..16 * 1024]).await;
    assert_eq!(client.answer().await.status, 431);
    client.closed().await;
}

#[tokio::test]
async fn a_hundred_header_fields_are_accepted_and_no_more() {
    let server = start(|server| server).await;
    let mut client = server.client().await;
    client.send(head_with(100)).await;
    assert_eq!(client.answer().await.status, 200);
    client.send(head_with(101)).await;
    assert_eq!(client.answer().await.status, 431);
    client.closed().await;
}

#[tokio::test]
async fn the_number_of_header_fields_can_be_set() {
    for limit in [0, 5, 300, usize::MAX] {
        let server = start(|server| server.max_headers(limit).max_header_bytes(1 << 20)).await;
        let most = limit.min(24_576);
        let mut client = server.client().await;
        client.send(head_with(most)).await;
        assert_eq!(client.answer().await.status, 200, "{limit}");
        client.send(head_with(most + 1)).await;
        assert_eq!(client.answer().await.status, 431, "{limit}");
        client.closed().await;
    }
}

#[tokio::test]
async fn at_the_limit_a_connection_waits_until_another_is_closed() {
    let server = start(|server| server.max_connections(2)).await;
    let mut first = server.client().await;
    let mut second = server.client().await;
    assert_eq!(first.get("/").await.status, 200);
    assert_eq!(second.get("/").await.status, 200);

    let mut third = server.client().await;
    third
        .send("GET / HTTP/1.1\r\nhost: server.example\r\n\r\n")
        .await;
    assert!(!third.hears_within(Duration::from_millis(500)).await);
    assert_eq!(second.get("/").await.status, 200);

    drop(first);
    assert_eq!(third.answer().await.status, 200);
}

#[tokio::test]
async fn a_limit_of_no_connections_means_one() {
    let server = start(|server| server.max_connections(0)).await;
    assert_eq!(server.client().await.get("/").await.status, 200);
}

#[tokio::test]
async fn limits_beyond_all_measure_are_no_limits() {
    let server = start(|server| {
        server
            .header_read_timeout(Duration::MAX)
            .idle_timeout(Duration::MAX)
            .write_timeout(Duration::MAX)
            .shutdown_grace(Duration::MAX)
            .max_connections(usize::MAX)
            .max_header_bytes(usize::MAX)
    })
    .await;
    let mut client = server.client().await;
    assert_eq!(client.get("/").await.status, 200);
    assert_eq!(client.get("/").await.status, 200);
    server.stop().await;
}
