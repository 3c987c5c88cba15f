//! Who may ask.

use axum::http::{Method, StatusCode};
use dcv_resolver_core::testing::Reply;
use tracing::Level;

use crate::support::{CONSOLE, Log, memory, over, reason_for, replying, request, send};

#[tokio::test]
async fn a_caller_from_an_allowed_network_is_answered_and_any_other_is_403() {
    let app = over(memory())
        .allowed_callers(vec![
            "192.0.2.0/28".parse().unwrap(),
            "2001:db8:7::/48".parse().unwrap(),
        ])
        .router();
    for (caller, reason) in [
        ("192.0.2.15", ""),
        ("::ffff:192.0.2.15", ""),
        ("2001:db8:7::1", ""),
        ("192.0.2.16", "caller_not_allowed"),
        ("::ffff:192.0.2.16", "caller_not_allowed"),
        ("2001:db8:8::1", "caller_not_allowed"),
        ("", "caller_not_allowed"),
    ] {
        assert_eq!(reason_for(&app, caller).await, reason, "{caller:?}");
    }
}

#[tokio::test]
async fn caller_that_is_not_allowed_learns_nothing_else() {
    // The store would panic if it were asked.
    let app = replying(Reply::Panic)
        .allowed_callers(vec!["192.0.2.0/24".parse().unwrap()])
        .router();
    let mut answers = Vec::new();
    for (method, uri) in [
        (Method::POST, CONSOLE),
        (Method::GET, CONSOLE),
        (Method::POST, "/resolveSession?sessionId=%zz"),
        (Method::POST, "/elsewhere"),
    ] {
        let mut request = request("198.51.100.1", uri);
        *request.method_mut() = method;
        let answer = send(&app, request).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{uri}");
        answers.push(answer.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:#?}");
}

#[tokio::test]
async fn empty_list_allows_no_caller_and_no_list_allows_any() {
    let closed = over(memory()).allowed_callers(vec![]).router();
    let open = over(memory()).router();
    for caller in ["192.0.2.1", "2001:db8::1", ""] {
        assert_eq!(reason_for(&closed, caller).await, "caller_not_allowed");
        assert_eq!(reason_for(&open, caller).await, "");
    }
}

#[tokio::test]
async fn log_names_the_caller_or_why_it_is_unknown() {
    let app = over(memory())
        .allowed_callers(vec!["192.0.2.0/24".parse().unwrap()])
        .router();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    for (caller, logged, error) in [
        ("::ffff:192.0.2.1", Some("192.0.2.1"), None),
        ("2001:db8::1", Some("2001:db8::1"), None),
        (
            "",
            None,
            Some("the server does not provide the caller's address: there is no ConnectInfo"),
        ),
    ] {
        send(&app, request(caller, CONSOLE)).await;
        let events = log.events();
        assert_eq!(events.len(), 1, "{events:#?}");
        let fields = &events[0]["fields"];
        assert_eq!(
            fields.get("caller").and_then(|logged| logged.as_str()),
            logged
        );
        assert_eq!(fields.get("error").and_then(|error| error.as_str()), error);
    }
}

#[tokio::test]
async fn caller_is_the_peer_that_axum_serve_provides() {
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    for (network, status) in [
        ("127.0.0.0/8", "HTTP/1.1 200 OK"),
        ("192.0.2.0/24", "HTTP/1.1 403 Forbidden"),
    ] {
        let app = over(memory())
            .allowed_callers(vec![network.parse().unwrap()])
            .router()
            .into_make_service_with_connect_info::<SocketAddr>();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async { axum::serve(listener, app).await });
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!(
            "POST {CONSOLE} HTTP/1.1\r\nhost: resolver.example\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(status), "{answer}");
        serving.abort();
    }
}
