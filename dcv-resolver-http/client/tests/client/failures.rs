//! Requests that fail, each at a step of its own.

use std::error::Error;
use std::io;
use std::time::Duration;

use dcv_resolver_client::{
    Bytes, HeaderMap, HttpClient, HttpClientBuilder, Method, RequestError, RequestErrorKind,
    TlsFailure, TlsOptions,
};
use dcv_resolver_test_support::pki::Ca;
use dcv_resolver_test_support::port::free_port;
use dcv_resolver_test_support::scripted::{read_head, response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{advance, pause, resume};

use crate::support::{Files, start_resolver, start_scripted};

const SHORT: Duration = Duration::from_millis(200);

async fn send(client: HttpClientBuilder) -> Result<Bytes, RequestError> {
    let client = client.build().unwrap();
    let response = client.send(Method::GET, "/", HeaderMap::new(), Bytes::new());
    response.await.map(|response| response.into_body())
}

fn http(authority: impl std::fmt::Display) -> HttpClientBuilder {
    HttpClient::builder(format!("http://{authority}").parse().unwrap())
}

/// Returns a client that is not strict, so that it needs no file.
fn https(authority: impl std::fmt::Display) -> HttpClientBuilder {
    let tls = TlsOptions::default().strict(false);
    HttpClient::builder(format!("https://{authority}").parse().unwrap()).tls(tls)
}

#[tokio::test]
async fn name_that_cannot_be_resolved() {
    // Too long for a label, so no server is asked for it.
    let host = format!("{}.example", "a".repeat(64));
    let error = send(http(&host)).await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::Dns);
    let message = error.to_string();
    assert!(
        message.starts_with(&format!("cannot resolve the name {host}: ")),
        "{message}"
    );
    assert!(error.source().unwrap().is::<io::Error>());
}

#[test]
fn name_that_is_not_resolved_in_time() {
    // Names are resolved on the only thread for blocking calls, which is busy.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let error = runtime.block_on(async {
        tokio::task::spawn_blocking(move || ended.recv());
        let client = http("resolver.example").connect_timeout(SHORT);
        send(client).await.unwrap_err()
    });
    drop(end);
    assert_eq!(error.kind(), RequestErrorKind::DnsTimeout);
    let expected = "the name resolver.example was not resolved within 200ms";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn closed_port() {
    let address = format!("127.0.0.1:{}", free_port());
    let error = send(http(&address)).await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::Connect);
    let refused = "Connection refused (os error 111)";
    let expected = format!("cannot connect to {address} at 127.0.0.1: {refused}");
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn handshake_that_does_not_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let error = send(https(address).connect_timeout(SHORT))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::TlsTimeout);
    let expected = format!("{address} did not finish the TLS handshake within 200ms");
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn handshake_that_is_reset() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let resetting = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        // A connection that is closed with unread bytes is reset.
        stream.read_u8().await.unwrap();
    };
    let (error, ()) = tokio::join!(send(https(address)), resetting);
    let error = error.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::Tls);
    assert_eq!(error.tls_failure(), Some(&TlsFailure::Closed));
    let io: &io::Error = error.source().unwrap().downcast_ref().unwrap();
    assert_eq!(io.kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn server_that_does_not_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = http(address);
    let error = send(client.response_timeout(SHORT)).await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::ResponseTimeout);
    assert_eq!(
        error.to_string(),
        format!("{address} did not answer within 200ms")
    );
}

#[tokio::test]
async fn response_timeout_includes_the_body() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_head(&mut stream).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nab";
        stream.write_all(head.as_bytes()).await.unwrap();
        std::future::pending::<()>().await;
    };
    let client = http(address);
    tokio::select! {
        result = send(client.response_timeout(SHORT)) => {
            assert_eq!(result.unwrap_err().kind(), RequestErrorKind::ResponseTimeout);
        }
        () = server => {}
    }
}

#[tokio::test(flavor = "current_thread")]
async fn connect_timeout_is_for_the_establishment_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connect_timeout = Duration::from_secs(10);
    let client = http(address)
        .connect_timeout(connect_timeout)
        .response_timeout(connect_timeout * 3);
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_head(&mut stream).await;
        pause();
        advance(connect_timeout * 2).await;
        resume();
        let answer = response(200, "text/plain", "late");
        stream.write_all(&answer).await.unwrap();
    };
    let (body, ()) = tokio::join!(send(client), server);
    assert_eq!(body.unwrap(), "late");
}

#[tokio::test]
async fn long_body_is_refused() {
    let (address, _) = start_scripted(response(200, "text/plain", "12345")).await;
    let client = || http(address);
    assert_eq!(send(client().max_response_bytes(5)).await.unwrap(), "12345");
    let error = send(client().max_response_bytes(4)).await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::ResponseTooLarge);
    assert_eq!(
        error.to_string(),
        format!("{address} answered with more than 4 bytes")
    );
}

#[tokio::test]
async fn long_head_is_refused() {
    let long = format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(128 * 1024));
    let (address, _) = start_scripted(long).await;
    let error = send(http(address)).await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::Protocol);
    assert!(
        error.to_string().contains("message head is too large"),
        "{error}"
    );
}

#[tokio::test]
async fn https_to_a_server_without_tls() {
    let address = start_resolver(None);
    let error = send(https(address)).await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::Tls);
    assert_eq!(error.tls_failure(), Some(&TlsFailure::NotTls));
    let expected = format!("{address} does not speak TLS; use http://, or the port with TLS");
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn http_to_a_server_with_tls() {
    let files = Files::new();
    let pair = Ca::new("a CA").issue(&["localhost"], |_| {});
    let address = start_resolver(Some(files.server(&pair, None)));
    let error = send(http(address)).await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::Protocol);
    assert!(
        error
            .to_string()
            .ends_with("; if it speaks TLS, use https://"),
        "{error}"
    );
}
