//! Connections that end without an answer: each leaves a line and a count.

use std::time::Duration;

use dcv_resolver_test_support::client::Client;
use dcv_resolver_test_support::log::Log;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tracing::Level;

use crate::connections::eventually;
use crate::fixture::{Running, count, start};

/// A client that hello's over TLS.
const TLS_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n";

/// Waits until `cause` is counted for the `expected` time.
async fn counted(server: &Running, cause: &str, expected: u64) {
    let connections = server.connections.clone();
    eventually(cause, || {
        count(connections.failed_by_cause(), cause) == Some(expected)
    })
    .await;
}

#[tokio::test]
async fn invalid_head_is_logged_once_with_its_cause_and_counted() {
    let too_large = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(20_000));
    for (sent, status, cause, expected) in [
        (
            TLS_HELLO,
            400,
            "tls_on_plain_http",
            "make url in the gateway's [resolver] section begin with http",
        ),
        (
            b"PROXY TCP4 192.0.2.7 192.0.2.9 1 2\r\nGET / HTTP/1.1\r\n\r\n",
            400,
            "proxy_header_unexpected",
            "add its address",
        ),
        (
            b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0GET / HTTP/1.1\r\n\r\n",
            400,
            "proxy_header_unexpected",
            "add its address",
        ),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, "http2", "HTTP/1.1"),
        (
            b"nonsense\r\n\r\n",
            400,
            "malformed_head",
            "not valid HTTP/1.1",
        ),
        (
            b"GET / HTTP/1.1\r\nx y: 1\r\n\r\n",
            400,
            "malformed_head",
            "not valid HTTP/1.1",
        ),
        (too_large.as_bytes(), 431, "head_too_large", "too large"),
    ] {
        let (log, _guard) = Log::text_of_this_thread(Level::INFO);
        let server = start(|server| server).await;
        for times in 1..=3 {
            let mut client = server.client().await;
            client.send(sent).await;
            if status > 0 {
                assert_eq!(client.answer().await.status, status, "{cause}");
            }
            client.closed().await;
            counted(&server, cause, times).await;
        }
        let shown = log.text();
        assert_eq!(shown.lines().count(), 1, "{shown}");
        assert!(shown.contains(" WARN dcv_resolver_server"), "{shown}");
        assert!(shown.contains("connection failed: "), "{shown}");
        assert!(
            shown.contains(&format!("cause={cause:?} peer=127.0.0.1:")),
            "{shown}"
        );
        assert!(shown.contains(expected), "{shown}");
        server.stop().await;
        let shown = log.text();
        assert!(shown.contains("more connections failed: "), "{shown}");
        assert!(shown.contains("peer=127.0.0.1 suppressed=2"), "{shown}");
        assert_eq!(shown.lines().count(), 2, "{shown}");
    }
}

#[tokio::test]
async fn client_that_sends_tls_later_is_malformed() {
    let server = start(|server| server).await;
    let mut client = server.client().await;
    assert_eq!(client.get("/").await.status, 200);
    client.send(TLS_HELLO).await;
    assert_eq!(client.answer().await.status, 400);
    counted(&server, "malformed_head", 1).await;
    counted(&server, "tls_on_plain_http", 0).await;
}

#[tokio::test]
async fn client_that_is_slow_or_disconnects_is_logged_and_counted() {
    type Act = fn(Client) -> futures_util::future::BoxFuture<'static, ()>;
    let cases: [(&str, bool, Act); 5] = [
        ("head_timeout", true, |mut client| {
            Box::pin(async move {
                client.send("GET / HT").await;
                client.closed().await;
            })
        }),
        ("incomplete_request", true, |mut client| {
            Box::pin(async move { client.send("GET / HT").await })
        }),
        ("incomplete_request", true, |mut client| {
            Box::pin(async move {
                assert_eq!(client.get("/").await.status, 200);
                client.send("GET / HT").await;
            })
        }),
        ("no_request", false, |mut client| {
            Box::pin(async move { client.closed().await })
        }),
        ("closed_without_request", false, |client| {
            Box::pin(async move { drop(client) })
        }),
    ];
    for (cause, is_warning, act) in cases {
        let (log, _guard) = Log::text_of_this_thread(Level::INFO);
        let server = start(|server| server.header_read_timeout(Duration::from_millis(300))).await;
        act(server.client().await).await;
        counted(&server, cause, 1).await;
        let all: u64 = server
            .connections
            .failed_by_cause()
            .map(|(_, count)| count)
            .sum();
        assert_eq!(all, 1, "{cause}");
        let log = log.text();
        assert_eq!(log.lines().count(), usize::from(is_warning), "{log}");
        if is_warning {
            assert!(log.contains(&format!("cause={cause:?}")), "{log}");
        }
    }
}

/// The error of the HTTP library does not say by itself what broke the connection.
#[tokio::test]
async fn log_has_the_sources_of_an_error() {
    let (log, _guard) = Log::text_of_this_thread(Level::INFO);
    let server = start(|server| server).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(b"GET / HT").await.unwrap();
    // So that the connection is reset.
    client.set_zero_linger().unwrap();
    drop(client);
    counted(&server, "connection_lost", 1).await;
    let log = log.text();
    assert!(log.contains("error=connection error: "), "{log}");
    assert!(log.contains("(os error "), "{log}");
}

#[tokio::test]
async fn response_that_is_not_read_is_counted() {
    let server = start(|server| server.write_timeout(Duration::from_millis(300))).await;
    let mut unread = server.client().await;
    unread
        .send("GET /big HTTP/1.1\r\nhost: server.example\r\n\r\n")
        .await;
    unread.head().await;
    counted(&server, "write_timeout", 1).await;
}

#[tokio::test]
async fn panics_are_counted_and_logged_once() {
    let (log, _guard) = Log::text_of_this_thread(Level::INFO);
    let server = start(|server| server).await;
    for times in 1..=3 {
        let mut client = server.client().await;
        client
            .send("GET /panic HTTP/1.1\r\nhost: server.example\r\n\r\n")
            .await;
        client.closed().await;
        counted(&server, "panicked", times).await;
    }
    let shown = log.text();
    assert_eq!(shown.lines().count(), 1, "{shown}");
    assert!(shown.contains(" WARN dcv_resolver_server"), "{shown}");
    assert!(
        shown.contains("connection failed: the service panicked"),
        "{shown}"
    );
    assert!(shown.contains("with message"), "{shown}");
    server.stop().await;
    let shown = log.text();
    assert!(
        shown.contains("more connections failed: the service panicked"),
        "{shown}"
    );
    assert!(shown.contains("cause=\"panicked\" suppressed=2"), "{shown}");
}

#[tokio::test]
async fn connection_that_ends_after_an_answer_is_no_failure() {
    let (log, _guard) = Log::text_of_this_thread(Level::INFO);
    let server = start(|server| server.idle_timeout(Duration::from_millis(200))).await;
    let mut idle = server.client().await;
    assert_eq!(idle.get("/").await.status, 200);
    idle.closed().await;
    let mut leaves = server.client().await;
    assert_eq!(leaves.get("/").await.status, 200);
    drop(leaves);
    let mut asks_to_close = server.client().await;
    asks_to_close
        .send("GET / HTTP/1.1\r\nhost: server.example\r\nconnection: close\r\n\r\n")
        .await;
    assert_eq!(asks_to_close.answer().await.status, 200);
    asks_to_close.closed().await;
    let connections = server.connections.clone();
    eventually("the end", || connections.open() == 0).await;
    assert!(connections.failed_by_cause().all(|(_, count)| count == 0));
    assert_eq!(log.text(), "");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn failure_of_one_peer_or_cause_does_not_hide_another() {
    let (log, _guard) = Log::text_of_this_thread(Level::INFO);
    let server = start(|server| server).await;
    let mut total = 0;
    for host in [1, 2, 3] {
        for (sent, cause) in [
            (TLS_HELLO, "tls_on_plain_http"),
            (b"nonsense\r\n\r\n", "malformed_head"),
        ] {
            for _ in 0..2 {
                let mut client = server.client_from(host).await;
                client.send(sent).await;
                assert_eq!(client.answer().await.status, 400);
                client.closed().await;
            }
            total += usize::from(!cause.is_empty());
        }
    }
    counted(&server, "malformed_head", 6).await;
    let log = log.text();
    assert_eq!(log.lines().count(), total, "{log}");
    for host in [1, 2, 3] {
        assert_eq!(
            log.matches(&format!(" peer=127.0.0.{host}:")).count(),
            2,
            "{log}"
        );
    }
}
