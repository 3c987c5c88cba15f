//! What is found out about a resolver that answers, but not as it should.

#![expect(clippy::unwrap_used, reason = "a test panics on the first failure")]

use axum::Router;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse};
use dcv_resolver_doctor::{Doctor, Hop, HopKind, Report, Status};
use dcv_resolver_server::{Server, listen};
use tokio::net::TcpListener;

/// Examines a resolver that gives every request this answer.
async fn examine(answer: impl IntoResponse + Clone + Send + Sync + 'static) -> Report {
    examine_app(Router::new().fallback(async move || answer.clone().into_response())).await
}

async fn examine_app(app: Router) -> Report {
    let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(Server::new(app).serve(listener, std::future::pending()));
    let report = examine_port(port).await;
    serving.abort();
    report
}

async fn examine_port(port: u16) -> Report {
    examine_url(format!("http://localhost:{port}/tr0ub4dor")).await
}

async fn examine_url(url: String) -> Report {
    Doctor::new()
        .session("console".parse().unwrap())
        .resolver_url(url)
        .examine()
        .await
}

#[track_caller]
fn assert_cause(report: &Report, expected: &[&str]) {
    let text = report.to_string();
    let last = text.lines().last().unwrap();
    for expected in expected {
        assert!(last.contains(expected), "expected {expected:?}:\n{text}");
    }
    assert!(report.failed, "{text}");
    assert!(!text.contains("tr0ub4dor"), "{text}");
}

fn problem(status: StatusCode, reason: &str) -> (StatusCode, String) {
    let detail = "a detail\n";
    let document = serde_json::json!({ "reason": reason, "detail": detail });
    (status, document.to_string())
}

#[tokio::test]
async fn status_that_is_no_answer_is_named() {
    for (status, reason, change) in [
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "store_unavailable",
            "/readyz",
        ),
        (
            StatusCode::FORBIDDEN,
            "caller_not_allowed",
            "allowed_networks",
        ),
        (StatusCode::NOT_FOUND, "no_such_path", "/resolveSession"),
        (
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limited",
            "requests_per_second",
        ),
        (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "POST"),
        (
            StatusCode::BAD_GATEWAY,
            "anything",
            "the log of the resolver",
        ),
    ] {
        let report = examine(problem(status, reason)).await;
        assert_cause(&report, &[status.as_str(), change]);
    }
}

#[tokio::test]
async fn answer_that_breaks_the_contract_is_named_with_every_rule() {
    let answer = r#"{"sessionId":"console","TransportProtocol":"HTTP","DcvServerEndpoint":"https://ws-17.dcv.example","Port":"8443","WebUrlPath":"/"}"#;
    let report = examine(([("content-type", "application/json")], answer)).await;
    assert_cause(
        &report,
        &[
            "\"sessionId\" is written SessionId",
            "Port is a string",
            "DcvServerEndpoint",
            "doctor contract",
        ],
    );
}

#[tokio::test]
async fn page_of_a_web_server_is_named() {
    let page = (StatusCode::NOT_FOUND, Html("<!doctype html>"));
    assert_cause(&examine(page).await, &["a web server answers instead"]);
    let report = examine(Html("<!doctype html>")).await;
    assert_cause(&report, &["a web page instead of JSON"]);
}

#[tokio::test]
async fn redirect_is_named() {
    let redirect = [("location", "/elsewhere")];
    let report = examine((StatusCode::PERMANENT_REDIRECT, redirect)).await;
    assert_cause(&report, &["the answer is a redirect"]);
}

#[tokio::test]
async fn two_servers_for_one_login_are_named() {
    let app = Router::new().fallback(async |uri: axum::http::Uri| {
        let is_quic = uri.query().is_some_and(|query| query.contains("QUIC"));
        let (host, transport) = if is_quic {
            ("b", "QUIC")
        } else {
            ("a", "HTTP")
        };
        let answer = serde_json::json!({
            "SessionId": "console", "TransportProtocol": transport,
            "DcvServerEndpoint": format!("{host}.invalid"), "Port": 8443, "WebUrlPath": "/",
        });
        ([("content-type", "application/json")], answer.to_string())
    });
    let report = examine_app(app).await;
    assert_cause(&report, &["b.invalid for QUIC and a.invalid for HTTP"]);
}

#[tokio::test]
async fn listener_that_closes_without_an_answer_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let closing = tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            drop(connection);
        }
    });
    let report = examine_port(port).await;
    assert_cause(&report, &["closes the connection without an answer"]);
    closing.abort();
}

/// It takes the time limit of a response.
#[tokio::test]
async fn listener_that_never_answers_is_named() {
    // The system accepts for it.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let report = examine_port(port).await;
    assert_cause(&report, &["accepts the connection and does not answer"]);
    let server = report
        .hops
        .iter()
        .find(|hop| hop.kind == HopKind::ServerName);
    assert_eq!(server.map(|hop| hop.status), Some(Status::NotChecked));
}

#[tokio::test]
async fn handshake_that_fails_is_no_closed_port() {
    // The system accepts for it.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closing = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = |listener: &TcpListener| {
        let port = listener.local_addr().unwrap().port();
        format!("https://localhost:{port}")
    };
    let (to_silent, to_closing) = (url(&silent), url(&closing));
    let accepting = tokio::spawn(async move {
        while let Ok((connection, _)) = closing.accept().await {
            connection.readable().await.unwrap();
        }
    });
    for (url, cause) in [
        (to_silent, "did not finish the TLS handshake"),
        (to_closing, "`allowed_networks`"),
    ] {
        let report = examine_url(url).await;
        assert_cause(&report, &[cause]);
        let is_port = |hop: &&Hop| hop.kind == HopKind::ResolverPort;
        let port = report.hops.iter().find(is_port).unwrap();
        assert_eq!(port.status, Status::Ok, "{port}");
    }
    accepting.abort();
}

#[tokio::test]
async fn quic_is_not_judged_for_a_session_that_is_not_found() {
    let report = examine(problem(StatusCode::NOT_FOUND, "unknown")).await;
    let is_quic = |hop: &&Hop| hop.kind == HopKind::AnswerQuic;
    let quic = report.hops.iter().find(is_quic).unwrap();
    assert_eq!(quic.status, Status::NotChecked, "{quic}");
}
