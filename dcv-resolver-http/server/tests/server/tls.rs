//! Handshakes: which succeed, and how the others fail.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dcv_resolver_core::Timestamp;
use dcv_resolver_core::testing::ManualClock;
use dcv_resolver_test_support::client::Client;
use dcv_resolver_test_support::log::Log;
use dcv_resolver_test_support::pki::rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};
use dcv_resolver_test_support::pki::{Ca, self_signed};
use futures_util::future::join_all;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion};
use tokio::io::AsyncWriteExt;
#[cfg(target_os = "linux")]
use tokio::io::{AsyncReadExt, DuplexStream};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;
use tracing::Level;

use crate::connections::eventually;
use crate::fixture::{count, start, while_waiting};
use crate::pki::{Files, NAME, TlsClient, client_pair, server_pair};
#[cfg(target_os = "linux")]
use crate::shutdown::{has_undelivered_bytes, has_unread_bytes, refused};

const A_SECOND: Duration = Duration::from_secs(1);
/// How a TLS client begins: a record of the handshake, with 512 bytes to come.
const HALF_A_HELLO: &[u8] = &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];

#[tokio::test]
async fn tls_1_2_and_1_3_are_offered_with_http_1_1() {
    let ca = Ca::new("a CA");
    let tls = Files::new(&server_pair(&ca)).load();
    let server = start(|server| server.tls(tls)).await;
    for (version, expected) in [
        (&TLS12, ProtocolVersion::TLSv1_2),
        (&TLS13, ProtocolVersion::TLSv1_3),
    ] {
        let client = TlsClient::with_versions(&[version], &ca, None);
        let mut client = client.connect(server.address).await.unwrap();
        let (tcp, session) = client.stream().get_ref();
        let address = tcp.local_addr().unwrap().to_string();
        assert_eq!(session.protocol_version(), Some(expected));
        assert_eq!(session.alpn_protocol(), Some(&b"http/1.1"[..]));
        for _ in 0..10 {
            assert_eq!(client.get("/").await.body, "hello");
        }
        assert_eq!(client.get("/peer").await.body, address);
    }
    assert_eq!(server.connections.tls_handshakes_failed_total(), 0);
}

/// A client that keeps connections in store is no client that is too slow.
#[tokio::test]
async fn client_that_sends_nothing_after_the_handshake_is_counted_as_without_request() {
    let (log, _guard) = Log::text_of_this_thread(Level::INFO);
    let ca = Ca::new("a CA");
    let tls = Files::new(&server_pair(&ca)).load();
    let server = start(|server| {
        server
            .tls(tls)
            .header_read_timeout(Duration::from_millis(300))
    })
    .await;
    let mut client = TlsClient::new(&ca, None)
        .connect(server.address)
        .await
        .unwrap();
    client.closed().await;
    let connections = server.connections.clone();
    eventually("no_request", || {
        count(connections.failed_by_cause(), "no_request") == Some(1)
    })
    .await;
    assert_eq!(
        count(connections.failed_by_cause(), "head_timeout"),
        Some(0)
    );
    assert_eq!(log.text(), "");
}

/// Returns what the server logs about one handshake that fails.
async fn reason(files: &Files, client: &TlsClient) -> String {
    let tls = files.try_load(ManualClock::default()).unwrap();
    let (log, _guard) = Log::text_of_this_thread(Level::INFO);
    let server = start(|server| server.tls(tls)).await;
    let error = client.try_get(server.address).await;
    let connections = server.connections.clone();
    eventually("a failure", || {
        connections.tls_handshakes_failed_total() == 1
    })
    .await;
    error.unwrap_err();
    let log = log.text();
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains(" WARN dcv_resolver_server"), "{log}");
    assert!(log.contains(" peer=127.0.0.1:"), "{log}");
    log
}

#[tokio::test]
async fn client_without_a_valid_certificate_is_refused() {
    let ca = Ca::new("a CA");
    let clients_ca = Ca::new("a CA for clients");
    let files = Files::with_client_ca(&server_pair(&ca), &clients_ca.pem);
    // The clock shows 2030-01-01.
    let dates = |from: i32, to: i32| {
        clients_ca.issue(&["gateway.example"], |params| {
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(to, 1, 1);
        })
    };
    let for_servers = clients_ca.issue(&["gateway.example"], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let self_signed = self_signed("gateway.example");
    let strangers = client_pair(&Ca::new("a CA for clients"));
    for version in [&TLS12, &TLS13] {
        for (pair, expected) in [
            (None, "the client sent no certificate"),
            (Some(&strangers), "was issued by none of the client CAs"),
            (
                Some(&client_pair(&ca)),
                "was issued by none of the client CAs",
            ),
            (Some(&self_signed), "was issued by none of the client CAs"),
            (Some(&dates(2026, 2029)), "certificate has expired"),
            (Some(&dates(2031, 2032)), "certificate is not valid yet"),
            (Some(&for_servers), "is not for client authentication"),
        ] {
            let client = TlsClient::with_versions(&[version], &ca, pair);
            let log = reason(&files, &client).await;
            assert!(log.contains(expected), "{log}");
        }

        let tls = files.try_load(ManualClock::default()).unwrap();
        let server = start(|server| server.tls(tls)).await;
        for pair in [client_pair(&clients_ca), dates(2029, 2031)] {
            let client = TlsClient::with_versions(&[version], &ca, Some(&pair));
            assert_eq!(client.try_get(server.address).await.unwrap(), 200);
        }
    }
}

#[tokio::test]
async fn client_certificate_that_expires_is_refused_on_the_next_connection() {
    let ca = Ca::new("a CA");
    let files = Files::with_client_ca(&server_pair(&ca), &ca.pem);
    let clock = ManualClock::default();
    let tls = files.try_load(clock.clone()).unwrap();
    let server = start(|server| server.tls(tls)).await;
    let pair = ca.issue(&["gateway.example"], |params| {
        params.not_after = date_time_ymd(2030, 1, 2);
    });
    // It would resume its session if it could.
    let client = TlsClient::new(&ca, Some(&pair));
    for _ in 0..2 {
        let mut connected = client.connect(server.address).await.unwrap();
        assert_eq!(connected.get("/").await.status, 200);
        let (_, session) = connected.stream().get_ref();
        assert_eq!(session.handshake_kind(), Some(HandshakeKind::Full));
    }
    clock.set("2030-01-03T00:00:00Z".parse::<Timestamp>().unwrap());
    client.try_get(server.address).await.unwrap_err();
}

#[tokio::test]
async fn session_without_client_certificate_is_resumed() {
    let ca = Ca::new("a CA");
    let tls = Files::new(&server_pair(&ca)).load();
    let server = start(|server| server.tls(tls)).await;
    for version in [&TLS12, &TLS13] {
        let client = TlsClient::with_versions(&[version], &ca, None);
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut connected = client.connect(server.address).await.unwrap();
            assert_eq!(connected.get("/").await.status, 200);
            let (_, session) = connected.stream().get_ref();
            assert_eq!(session.handshake_kind(), Some(expected));
        }
    }
}

#[tokio::test]
async fn failed_handshake_is_logged_with_its_cause() {
    let ca = Ca::new("a CA");
    let files = Files::new(&server_pair(&ca));

    let stranger = TlsClient::new(&Ca::new("another CA"), None);
    let log = reason(&files, &stranger).await;
    assert!(
        log.contains("the client does not accept the server's certificate"),
        "{log}"
    );
    assert!(log.contains("UnknownCA"), "{log}");

    let mut only_http_2 = ClientConfig::clone(&TlsClient::new(&ca, None).0);
    only_http_2.alpn_protocols = vec![b"h2".to_vec()];
    let log = reason(&files, &TlsClient(Arc::new(only_http_2))).await;
    assert!(log.contains("the client does not offer HTTP/1.1"), "{log}");
}

/// Returns what the server logs about a client that sends `bytes` and then
/// closes its side.
async fn reason_after(bytes: &[u8]) -> String {
    let tls = Files::new(&server_pair(&Ca::new("a CA"))).load();
    let (log, _guard) = Log::text_of_this_thread(Level::DEBUG);
    let server = start(|server| server.tls(tls)).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(bytes).await.unwrap();
    client.shutdown().await.unwrap();
    let connections = server.connections.clone();
    eventually("the end", || {
        connections.accepted_total() == 1 && connections.open() == 0
    })
    .await;
    let failed = connections.tls_handshakes_failed_total();
    format!("{failed} {}", log.text())
}

#[tokio::test]
async fn incomplete_handshake_is_logged_and_a_health_check_is_not() {
    let log = reason_after(b"GET / HTTP/1.1\r\nhost: server.example\r\n\r\n").await;
    assert!(log.starts_with("1 "), "{log}");
    assert!(log.contains("the client does not speak TLS"), "{log}");

    let log = reason_after(HALF_A_HELLO).await;
    assert!(log.starts_with("1 "), "{log}");
    assert!(log.contains("the client disconnected"), "{log}");

    // A load balancer that checks whether the port is open.
    let log = reason_after(b"").await;
    assert!(log.starts_with("0 "), "{log}");
    assert!(!log.contains("WARN"), "{log}");
}

#[tokio::test]
async fn repeated_handshake_failures_are_one_warning_and_a_summary() {
    let ca = Ca::new("a CA");
    let tls = Files::new(&server_pair(&ca)).load();
    let (log, _guard) = Log::text_of_this_thread(Level::DEBUG);
    let server = start(|server| server.tls(tls)).await;
    let stranger = TlsClient::new(&Ca::new("another CA"), None);
    let connections = server.connections.clone();
    for count in 1..=5 {
        stranger.try_get(server.address).await.unwrap_err();
        eventually("a failure", || {
            connections.tls_handshakes_failed_total() == count
        })
        .await;
    }
    // Another cause is a warning of its own.
    let mut plain = server.client().await;
    plain.send(b"GET / HTTP/1.1\r\n\r\n").await;
    eventually("a failure", || {
        connections.tls_handshakes_failed_total() == 6
    })
    .await;
    server.stop().await;

    let log = log.text();
    assert_eq!(log.matches("TLS handshake failed: ").count(), 6, "{log}");
    let warnings: Vec<_> = log.lines().filter(|line| line.contains(" WARN ")).collect();
    assert_eq!(warnings.len(), 3, "{log}");
    assert!(
        warnings[0].contains("failed: the client does not accept"),
        "{log}"
    );
    assert!(
        warnings[1].contains("failed: the client does not speak TLS"),
        "{log}"
    );
    assert!(
        warnings[2].contains("more TLS handshakes failed: the client does not accept"),
        "{log}"
    );
    assert!(warnings[2].contains("suppressed=4"), "{log}");
}

#[tokio::test]
async fn slow_handshakes_are_closed_in_time_and_delay_no_one() {
    let ca = Ca::new("a CA");
    let tls = Files::new(&server_pair(&ca)).load();
    let server = start(|server| server.tls(tls).header_read_timeout(4 * A_SECOND)).await;
    let slow = join_all((0..300).map(|number| {
        let server = &server;
        async move {
            let begun = Instant::now();
            let mut client = server.client().await;
            match number % 3 {
                0 => client.closed().await,
                1 => {
                    client.send(HALF_A_HELLO).await;
                    client.closed().await;
                }
                _ => client.dribble(&[0x16, 3, 1, 2, 0, 1, 0, 1], A_SECOND).await,
            }
            begun.elapsed()
        }
    }));
    let normal = async {
        let client = TlsClient::new(&ca, None);
        let mut kept_alive = client.connect(server.address).await.unwrap();
        for _ in 0..5 {
            assert_eq!(kept_alive.get("/").await.status, 200);
            assert_eq!(client.try_get(server.address).await.unwrap(), 200);
        }
    };
    for lasted in while_waiting(slow, normal).await {
        assert!(lasted >= 4 * A_SECOND, "closed after {lasted:?} already");
    }
    // The silent ones did not begin a handshake.
    assert_eq!(server.connections.tls_handshakes_failed_total(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn flood_of_handshakes_does_not_keep_others_from_being_accepted() {
    let ca = Ca::new("a CA");
    let tls = Files::new(&server_pair(&ca)).load();
    let server = start(|server| server.tls(tls)).await;
    let address = server.address;
    let flood: Vec<_> = (0..8)
        .map(|_| {
            // No session to resume: each handshake is a full one.
            let mut config = ClientConfig::clone(&TlsClient::new(&ca, None).0);
            config.resumption = Resumption::disabled();
            let client = TlsClient(Arc::new(config));
            tokio::spawn(async move {
                loop {
                    let _connected = client.connect(address).await.unwrap();
                }
            })
        })
        .collect();
    // And as many that stop in the middle.
    let mut stuck = Vec::new();
    for _ in 0..500 {
        let mut client = server.client().await;
        client.send(HALF_A_HELLO).await;
        stuck.push(client);
    }
    let client = TlsClient::new(&ca, None);
    for _ in 0..50 {
        assert_eq!(client.try_get(address).await.unwrap(), 200);
    }
    assert!(server.connections.accepted_total() > 550);
    for task in flood {
        task.abort();
    }
}

#[tokio::test]
async fn connection_limits_hold_over_tls() {
    let ca = Ca::new("a CA");
    let tls = Files::new(&server_pair(&ca)).load();
    let server = start(|server| {
        server
            .tls(tls)
            .header_read_timeout(A_SECOND / 2)
            .idle_timeout(2 * A_SECOND)
            .write_timeout(A_SECOND)
    })
    .await;
    let client = TlsClient::new(&ca, None);

    // Nothing after the handshake.
    let mut silent = client.connect(server.address).await.unwrap();
    silent.closed().await;

    // Idle for longer than a head may take, and then for too long.
    let mut idle = client.connect(server.address).await.unwrap();
    assert_eq!(idle.get("/").await.status, 200);
    tokio::time::sleep(A_SECOND).await;
    assert_eq!(idle.get("/").await.status, 200);
    let begun = Instant::now();
    idle.closed().await;
    assert!(begun.elapsed() > A_SECOND);

    // A second head that stops.
    let mut slow = client.connect(server.address).await.unwrap();
    assert_eq!(slow.get("/").await.status, 200);
    let begun = Instant::now();
    slow.send("GET / HTTP/1.1\r\nhost: ser").await;
    slow.closed().await;
    assert!(begun.elapsed() < 2 * A_SECOND, "taken for an idle one");

    // A response that is not read.
    let mut unread = client.connect(server.address).await.unwrap();
    unread
        .send("GET /big HTTP/1.1\r\nhost: server.example\r\n\r\n")
        .await;
    unread.head().await;
    let connections = server.connections.clone();
    eventually("the unread connection is closed", || {
        connections.open() == 0
    })
    .await;
}

#[tokio::test]
async fn request_in_flight_over_tls_at_shutdown_is_answered() {
    let ca = Ca::new("a CA");
    let tls = Files::new(&server_pair(&ca)).load();
    let server = start(|server| {
        let never = Duration::from_secs(600);
        server.tls(tls).header_read_timeout(never)
    })
    .await;
    let (address, gate) = (server.address, server.gate.clone());
    let client = TlsClient::new(&ca, None);
    let mut idle = client.connect(address).await.unwrap();
    assert_eq!(idle.get("/").await.status, 200);
    let mut silent = server.client().await;
    let mut in_flight = client.connect(address).await.unwrap();
    in_flight
        .send("GET /gated HTTP/1.1\r\nhost: server.example\r\n\r\n")
        .await;
    gate.entered.acquire().await.unwrap().forget();

    let ended = server.stop();
    idle.closed().await;
    silent.closed().await;
    gate.exit.add_permits(1);
    let answer = in_flight.answer().await;
    assert_eq!((answer.body.as_str(), answer.is_last()), ("out", true));
    in_flight.closed().await;
    assert_eq!(ended.await.connections_aborted, 0);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn handshake_begun_at_shutdown_leads_to_one_response() {
    let ca = Ca::new("a CA");
    let tls = Files::new(&server_pair(&ca)).load();
    let never = Duration::from_secs(600);
    let server = start(|server| server.tls(tls).header_read_timeout(never)).await;
    let address = server.address;
    let tcp = TcpStream::connect(address).await.unwrap();
    let port = tcp.local_addr().unwrap().port();
    let (client_side, server_side) = tokio::io::duplex(64 * 1024);
    let (begun, has_begun) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel();
    let relay = tokio::spawn(relay_in_two_parts(server_side, tcp, begun, may_go_on));
    let client = tokio::spawn(async move {
        let name = ServerName::try_from(NAME).unwrap();
        let connector = TlsConnector::from(TlsClient::new(&ca, None).0);
        let stream = connector.connect(name, client_side).await.unwrap();
        // The server would now close a connection that waits for a request.
        tokio::time::sleep(A_SECOND / 2).await;
        let mut client = Client::over(stream);
        let answer = client.get("/").await;
        client.closed().await;
        answer
    });
    has_begun.await.unwrap();
    // Delivered and no longer unread: it is read.
    let undelivered = || has_undelivered_bytes(address.port(), port);
    eventually("that it is delivered", || !undelivered()).await;
    let unread = || has_unread_bytes(address.port(), port);
    eventually("that it is read", || !unread()).await;

    let ended = server.stop();
    refused(address).await;
    go_on.send(()).unwrap();
    let answer = client.await.unwrap();
    assert_eq!((answer.status, answer.is_last()), (200, true));
    assert_eq!(ended.await.connections_aborted, 0);
    relay.abort();
}

/// Forwards five bytes, the head of the first record, and the rest when
/// `may_go_on` completes.
#[cfg(target_os = "linux")]
async fn relay_in_two_parts(
    mut client: DuplexStream,
    mut server: TcpStream,
    begun: oneshot::Sender<()>,
    may_go_on: oneshot::Receiver<()>,
) {
    let mut head = [0; 5];
    client.read_exact(&mut head).await.unwrap();
    server.write_all(&head).await.unwrap();
    begun.send(()).unwrap();
    may_go_on.await.unwrap();
    let _closed = tokio::io::copy_bidirectional(&mut client, &mut server).await;
}
