//! What our own resolver answers.

use dcv_resolver_client::{
    Answer, AnswerError, HttpClient, ResolverClient, StatusCode, violations,
};
use dcv_resolver_core::Transport;

use crate::support::{http, plain, request, start_resolver};

#[tokio::test]
async fn destination_is_read() {
    let client = plain(start_resolver(None));
    let answer = client.resolve(&http("console")).await.unwrap();
    let destination = answer.destination().unwrap();
    assert_eq!(destination.session_id.as_str(), "console");
    assert_eq!(destination.transport, Transport::Http);
    assert_eq!(destination.host.as_str(), "192.0.2.7");
    assert_eq!(destination.port, 8443);
    assert_eq!(destination.web_url_path.as_str(), "/");
}

#[tokio::test]
async fn own_answers_break_no_rule() {
    let client = plain(start_resolver(None));
    for id in ["console", "unknown"] {
        let response = client.ask(&http(id)).await.unwrap();
        assert_eq!(violations(&http(id), &response), []);
    }
}

#[tokio::test]
async fn reason_of_a_404_is_read() {
    let client = plain(start_resolver(None));
    for (request, reason, detail) in [
        (http("ann"), "unknown", "no session has this id"),
        (
            http("expired"),
            "expired",
            "the session expired at 1970-01-01T00:00:00Z",
        ),
        (
            request("console", Transport::Quic),
            "transport_not_offered",
            "the session's server does not offer QUIC",
        ),
    ] {
        let Answer::NotFound(answer) = client.resolve(&request).await.unwrap() else {
            panic!("{request:?} was found");
        };
        assert_eq!(answer.reason.as_deref(), Some(reason));
        assert_eq!(answer.detail.as_deref(), Some(detail));
        assert!(!answer.is_html);
    }
}

#[tokio::test]
async fn own_404_for_a_wrong_path_is_not_an_absent_session() {
    let address = start_resolver(None);
    let http_client = HttpClient::builder(format!("http://{address}").parse().unwrap());
    let client = http_client.build().unwrap();
    let response = client.send(
        dcv_resolver_client::Method::POST,
        "/other",
        dcv_resolver_client::HeaderMap::new(),
        dcv_resolver_client::Bytes::new(),
    );
    let response = response.await.unwrap();
    let error = dcv_resolver_client::read_answer(&http("console"), &response).unwrap_err();
    let AnswerError::Status { status, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*status, StatusCode::NOT_FOUND);
    assert_eq!(
        error.to_string(),
        "the resolver answered with status 404 Not Found: there is nothing at this path; \
         send POST to a path that ends in /resolveSession"
    );
}

#[tokio::test]
async fn other_status_is_an_error_with_its_detail() {
    let address = start_resolver(None);
    let http_client = HttpClient::builder(format!("http://{address}").parse().unwrap());
    let client = ResolverClient::new(http_client.build().unwrap());
    let response = client.http().send(
        dcv_resolver_client::Method::GET,
        "/resolveSession",
        dcv_resolver_client::HeaderMap::new(),
        dcv_resolver_client::Bytes::new(),
    );
    let response = response.await.unwrap();
    let error = dcv_resolver_client::read_answer(&http("console"), &response).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the resolver answered with status 405 Method Not Allowed: only POST is allowed"
    );
}
