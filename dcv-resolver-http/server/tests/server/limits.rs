//! Heads that are too large, and too many connections.

use std::fmt::Write as _;
use std::time::Duration;

use dcv_resolver_test_support::log::Log;
use tracing::Level;

use crate::fixture::{BIG_BYTES, start};

/// Returns a request's head of exactly `bytes` bytes.
fn head_of(bytes: usize) -> String {
    let start = "GET / HTTP/1.1\r\nx-long: ";
    let end = "\r\n\r\n";
    let fill = "x".repeat(bytes - start.len() - end.len());
    format!("{start}{fill}{end}")
}

/// Returns a request's head with `count` fields.
fn head_with(count: usize) -> String {
    let mut head = "GET / HTTP/1.1\r\n".to_owned();
    for number in 0..count {
        write!(head, "x-{number}: {number}\r\n").unwrap();
    }
    head + "\r\n"
}

#[tokio::test]
async fn head_over_the_limit_is_answered_with_431() {
    const DEFAULT: usize = 16 * 1024;
    for limit in [100, 4 * 1024, DEFAULT, 100 * 1024] {
        let server = start(|server| match limit {
            DEFAULT => server,
            limit => server.max_header_bytes(limit),
        })
        .await;
        let mut client = server.client().await;
        client.send(head_of(limit)).await;
        assert_eq!(client.answer().await.status, 200, "{limit}");
        client.send(head_of(limit + 1)).await;
        assert_eq!(client.answer().await.status, 431, "{limit}");
        client.closed().await;
    }
}

#[tokio::test]
async fn head_in_pieces_over_the_limit_is_answered_with_431() {
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
async fn incomplete_head_over_the_limit_is_answered_with_431() {
    let server = start(|server| server).await;
    let mut client = server.client().await;
    client.send(&head_of(20_000)[..16 * 1024]).await;
    assert_eq!(client.answer().await.status, 431);
    client.closed().await;
}

#[tokio::test]
async fn header_fields_over_the_limit_are_answered_with_431() {
    const DEFAULT: usize = 100;
    for limit in [0, 5, DEFAULT, 300, usize::MAX] {
        let server = start(|server| {
            let server = server.max_header_bytes(1 << 20);
            match limit {
                DEFAULT => server,
                limit => server.max_headers(limit),
            }
        })
        .await;
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
async fn connection_over_the_limit_waits_while_none_is_idle() {
    let server = start(|server| server.max_connections(2).max_connections_per_peer(9)).await;
    let mut busy = [server.gated_client().await, server.gated_client().await];
    let mut third = server.client().await;
    third
        .send("GET / HTTP/1.1\r\nhost: server.example\r\n\r\n")
        .await;
    assert!(!third.is_readable_within(Duration::from_millis(500)).await);

    // The first that is idle makes room.
    server.gate.exit.add_permits(1);
    assert_eq!(third.answer().await.status, 200);
    assert_eq!(server.connections.evicted_total(), 1);
    server.gate.exit.add_permits(1);
    for client in &mut busy {
        assert_eq!(client.answer().await.body, "out");
    }
}

#[tokio::test]
async fn connection_over_the_limit_waits_until_another_is_closed() {
    let server = start(|server| server.max_connections(1).max_connections_per_peer(9)).await;
    let busy = server.client().await;
    let mut next = server.client().await;
    next.send("GET / HTTP/1.1\r\nhost: server.example\r\n\r\n")
        .await;
    assert!(!next.is_readable_within(Duration::from_millis(200)).await);
    drop(busy);
    assert_eq!(next.answer().await.status, 200);
    assert_eq!(server.connections.evicted_total(), 0);
}

#[tokio::test]
async fn longest_idle_connection_makes_room() {
    let server = start(|server| server.max_connections(3).max_connections_per_peer(9)).await;
    let mut first = server.client().await;
    let mut second = server.client().await;
    let mut busy = server.gated_client().await;
    for client in [&mut second, &mut first] {
        assert_eq!(client.get("/").await.status, 200);
    }
    for _ in 0..3 {
        assert_eq!(first.get("/").await.status, 200);
    }
    assert_eq!(server.client().await.get("/").await.status, 200);
    second.closed().await;
    assert_eq!(first.get("/").await.status, 200);
    assert_eq!(server.connections.evicted_total(), 1);
    server.gate.exit.add_permits(1);
    assert_eq!(busy.answer().await.body, "out");
}

#[tokio::test]
async fn connection_whose_response_is_unread_is_not_idle() {
    let server = start(|server| server.max_connections(1).max_connections_per_peer(9)).await;
    let mut slow = server.client().await;
    slow.send("GET /big HTTP/1.1\r\nhost: server.example\r\n\r\n")
        .await;
    slow.head().await;
    let mut next = server.client().await;
    next.send("GET / HTTP/1.1\r\nhost: server.example\r\n\r\n")
        .await;
    assert!(!next.is_readable_within(Duration::from_millis(500)).await);
    slow.skip(BIG_BYTES).await;
    slow.closed().await;
    assert_eq!(next.answer().await.status, 200);
}

#[tokio::test]
async fn limit_of_zero_connections_means_one() {
    let server = start(|server| server.max_connections(0)).await;
    assert_eq!(server.client().await.get("/").await.status, 200);
}

#[tokio::test]
async fn maximum_limits_are_no_limits() {
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

#[tokio::test]
async fn limit_of_connections_reached_again_and_again_is_one_warning_and_a_summary() {
    let (log, _guard) = Log::text_of_this_thread(Level::WARN);
    let server = start(|server| server.max_connections(1).max_connections_per_peer(9)).await;
    let mut kept_alive = Vec::new();
    for _ in 0..5 {
        let mut client = server.client().await;
        assert_eq!(client.get("/").await.status, 200);
        kept_alive.push(client);
    }
    server.stop().await;
    let log = log.text();
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(
        lines[0].contains("is reached; a new one takes the place of the longest idle one"),
        "{log}"
    );
    assert!(
        lines[1].contains("was reached again max_connections=1 suppressed=3"),
        "{log}"
    );
}
