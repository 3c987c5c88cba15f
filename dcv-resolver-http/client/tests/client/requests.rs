//! What is sent.

use std::time::Duration;

use dcv_resolver_client::{Answer, AnswerError, HttpClient, RequestErrorKind, ResolverClient};
use dcv_resolver_core::Transport;
use dcv_resolver_test_support::scripted::{read_head, response};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::support::{http, plain, request, start_scripted};

const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn request_is_the_gateways() {
    let (address, mut heads) = start_scripted(NOT_FOUND).await;
    let request =
        request("console", Transport::Quic).with_client_ip("2001:db8::1".parse().unwrap());
    plain(address).resolve(&request).await.unwrap();
    let expected = format!(
        "POST /resolveSession?sessionId=console&transport=QUIC&clientIpAddress=2001%3Adb8%3A%3A1 HTTP/1.1\r\n\
         accept: application/json\r\ncontent-length: 0\r\nhost: {address}\r\n\r\n"
    );
    assert_eq!(heads.recv().await.unwrap(), expected);
}

#[tokio::test]
async fn path_of_the_url_is_a_prefix() {
    let (address, mut heads) = start_scripted(NOT_FOUND).await;
    let http_client = HttpClient::builder(format!("http://{address}/stage/x/").parse().unwrap());
    let client = ResolverClient::new(http_client.build().unwrap());
    client.resolve(&http("a")).await.unwrap();
    let head = heads.recv().await.unwrap();
    assert!(head.starts_with("POST /stage/x/resolveSession?sessionId=a&transport=HTTP "));
}

#[tokio::test]
async fn id_is_read_by_a_resolver_as_it_is() {
    let id = "a+b c/%41&transport=QUIC#é机";
    let (address, mut heads) = start_scripted(NOT_FOUND).await;
    plain(address).resolve(&http(id)).await.unwrap();
    let head = heads.recv().await.unwrap();
    let query = head.split(['?', ' ']).nth(2).unwrap();
    let parsed = dcv_resolver_http::ResolveQuery::parse(Some(query)).unwrap();
    assert_eq!(parsed.request(), &http(id));
}

#[tokio::test]
async fn request_without_a_time_limit_is_answered() {
    let (address, _heads) = start_scripted(NOT_FOUND).await;
    let http_client = HttpClient::builder(format!("http://{address}").parse().unwrap())
        .connect_timeout(Duration::MAX)
        .response_timeout(Duration::MAX);
    let client = ResolverClient::new(http_client.build().unwrap());
    let answer = client.resolve(&http("a")).await.unwrap();
    assert!(matches!(answer, Answer::NotFound(_)));
}

#[tokio::test]
async fn connection_is_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = plain(listener.local_addr().unwrap());
    let ask_twice = async {
        client.resolve(&http("a")).await.unwrap();
        client.resolve(&http("a")).await.unwrap();
    };
    let serve_one_connection = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        for _ in 0..2 {
            read_head(&mut stream).await;
            let response = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(response.as_bytes()).await.unwrap();
        }
        // Another connection would not be accepted.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = ask_twice => {}
        () = serve_one_connection => {}
    }
}

#[tokio::test]
async fn closed_connection_is_asked_once_more() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = plain(listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut closed, _) = listener.accept().await.unwrap();
        read_head(&mut closed).await;
        drop(closed);
        let (mut stream, _) = listener.accept().await.unwrap();
        read_head(&mut stream).await;
        stream.write_all(NOT_FOUND.as_bytes()).await.unwrap();
    });
    assert!(matches!(
        client.resolve(&http("a")).await,
        Ok(Answer::NotFound(_))
    ));
    server.await.unwrap();
}

#[tokio::test]
async fn connection_that_is_closed_twice_is_an_error() {
    let (address, mut heads) =
        start_scripted("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nab").await;
    let error = plain(address).resolve(&http("a")).await.unwrap_err();
    let AnswerError::Request(error) = error else {
        panic!("{error}");
    };
    assert_eq!(error.kind(), RequestErrorKind::Closed);
    assert_eq!(
        error.to_string(),
        format!("{address} closed the connection before its answer was complete")
    );
    heads.recv().await.unwrap();
    heads.recv().await.unwrap();
    assert!(heads.try_recv().is_err());
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let (target, mut heads) = start_scripted(NOT_FOUND).await;
    let redirect = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{target}/\r\ncontent-length: 0\r\n\r\n"
    );
    let (address, _) = start_scripted(redirect).await;
    let error = plain(address).resolve(&http("a")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the resolver's answer breaks the contract: the answer is a redirect (307 to \"http://{target}/\"); \
             answer the request itself, with 200 or 404"
        )
    );
    assert!(heads.try_recv().is_err());
}

#[tokio::test]
async fn path_that_is_not_http_is_not_sent() {
    let (address, mut heads) = start_scripted(response(200, "text/plain", "a")).await;
    let http_client = HttpClient::builder(format!("http://{address}").parse().unwrap())
        .build()
        .unwrap();
    for path in ["a", "/a b", "/a\r\nb: c"] {
        let sent = http_client.send(
            dcv_resolver_client::Method::GET,
            path,
            dcv_resolver_client::HeaderMap::new(),
            dcv_resolver_client::Bytes::new(),
        );
        assert_eq!(sent.await.unwrap_err().kind(), RequestErrorKind::InvalidUrl);
    }
    assert!(heads.try_recv().is_err());
}
