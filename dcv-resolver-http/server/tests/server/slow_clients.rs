//! Clients that send and read slowly.

use std::time::{Duration, Instant};

use dcv_resolver_test_support::log::Log;
use futures_util::future::join_all;
use tracing::Level;

use crate::fixture::{BIG_BYTES, start, while_waiting};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: server.example\r\nx-long: 1234567890\r\n\r\n";
const A_SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn slow_clients_are_closed_in_time_and_delay_no_one() {
    let (log, _guard) = Log::text_of_this_thread(Level::INFO);
    let server = start(|server| server).await;

    let slow = join_all((0..400).map(|number| {
        let server = &server;
        async move {
            let begun = Instant::now();
            let mut client = server.client().await;
            if number % 2 == 0 {
                client.closed().await;
            } else {
                client.dribble(REQUEST, A_SECOND).await;
            }
            begun.elapsed()
        }
    }));
    let normal = async {
        let mut kept_alive = server.client().await;
        for _ in 0..20 {
            assert_eq!(kept_alive.get("/").await.status, 200);
            assert_eq!(server.client().await.get("/").await.status, 200);
        }
    };
    for lasted in while_waiting(slow, normal).await {
        assert!(lasted >= 5 * A_SECOND, "closed after {lasted:?} already");
    }
    // One for all of them: they have one address.
    let log = log.text();
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains(r#"cause="head_timeout""#), "{log}");
}

#[tokio::test]
async fn later_head_is_closed_after_header_read_timeout() {
    let server = start(|server| server.header_read_timeout(A_SECOND)).await;
    let mut dribbling = server.client().await;
    let mut stopped = server.client().await;
    for client in [&mut dribbling, &mut stopped] {
        assert_eq!(client.get("/").await.status, 200);
    }
    stopped.send("GET / HTTP/1.1\r\nhost: ser").await;

    dribbling.dribble(REQUEST, Duration::from_millis(100)).await;
    stopped.closed().await;
}

#[tokio::test]
async fn idle_connection_outlasts_header_read_timeout() {
    let server = start(|server| server.header_read_timeout(Duration::from_millis(500))).await;
    let mut client = server.client().await;
    assert_eq!(client.get("/").await.status, 200);
    assert!(
        !client.is_readable_within(A_SECOND).await,
        "closed while idle"
    );

    // The bytes of a body are not those of a next request.
    client
        .send("POST /echo HTTP/1.1\r\nhost: server.example\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n")
        .await;
    client.head().await;
    client.send("body").await;
    assert_eq!(client.answer().await.body, "body");
    assert!(
        !client.is_readable_within(A_SECOND).await,
        "closed while idle"
    );
    assert_eq!(client.get("/").await.status, 200);
}

#[tokio::test]
async fn idle_connection_is_closed_after_idle_timeout() {
    let server = start(|server| {
        server
            .header_read_timeout(Duration::from_secs(60))
            .idle_timeout(A_SECOND)
    })
    .await;
    let mut client = server.client().await;
    assert_eq!(client.get("/").await.status, 200);
    assert!(
        !client.is_readable_within(A_SECOND / 2).await,
        "closed early"
    );
    client.closed().await;
}

#[tokio::test]
async fn client_that_does_not_read_is_closed_after_write_timeout() {
    let server = start(|server| {
        let server = server.max_connections(1).max_connections_per_peer(9);
        server.write_timeout(A_SECOND)
    })
    .await;
    let mut unread = server.client().await;
    unread
        .send("GET /big HTTP/1.1\r\nhost: server.example\r\n\r\n")
        .await;
    unread.head().await;

    // It had the only place.
    assert_eq!(server.client().await.get("/").await.status, 200);
}

#[tokio::test]
async fn client_that_reads_slowly_gets_its_whole_response() {
    // Long enough for a busy machine to come back to this client in time.
    let write_timeout = 3 * A_SECOND;
    let server = start(|server| server.write_timeout(write_timeout)).await;
    let mut slow = server.client().await;
    slow.send("GET /big HTTP/1.1\r\nhost: server.example\r\n\r\n")
        .await;
    slow.head().await;
    let begun = Instant::now();
    for _ in 0..16 {
        tokio::time::sleep(A_SECOND / 4).await;
        slow.skip(BIG_BYTES / 16).await;
    }
    assert!(begun.elapsed() > write_timeout, "that was not slow");
    assert_eq!(slow.get("/").await.status, 200);
}

#[tokio::test]
async fn unread_request_body_closes_the_connection() {
    let server = start(|server| server).await;
    let mut client = server.client().await;
    client
        .send("POST /deaf HTTP/1.1\r\nhost: server.example\r\ncontent-length: 100000000000\r\n\r\n")
        .await;
    client.send_without_end().await;
}
