//! The wire contract, byte for byte.
//!
//! Each file of `golden/` is a request and the answer to it, with a line of
//! dashes between them, for the sessions of `src/sessions.rs`. Lines end in LF
//! in the file and, up to the body, in CR LF on the wire. What differs from run
//! to run stands as `<date>` and `<minted>`.
//!
//! `UPDATE_GOLDEN=1 cargo test -p dcv-resolver-tests --test wire_golden` writes
//! the answers anew: read the difference before committing it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use axum::routing::get;
use dcv_resolver_tests::{raw, server, sessions};
use tower::ServiceExt;

const SEPARATOR: &str = "\n----------\n";

struct Vector {
    path: PathBuf,
    request: String,
    answer: String,
}

fn vectors() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut vectors: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let (request, answer) = text.split_once(SEPARATOR).unwrap_or((&text, ""));
            Vector {
                request: request.to_owned(),
                answer: answer.trim_end().to_owned(),
                path,
            }
        })
        .collect();
    vectors.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(vectors.len() > 40, "golden files are missing");
    vectors
}

/// Head lines end in CR LF, the body is as it is.
fn to_wire(request: &str) -> Vec<u8> {
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    format!("{}\r\n\r\n{body}", head.trim_end().replace('\n', "\r\n")).into_bytes()
}

fn from_wire(answer: &[u8], request: &str) -> String {
    let answer = String::from_utf8(answer.to_vec()).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let minted = !request.contains("x-request-id: golden");
    let mut text = String::new();
    for line in head.split("\r\n") {
        match line.split_once(": ") {
            Some(("date", _)) => text.push_str("date: <date>"),
            Some(("x-request-id", id)) if minted => {
                assert!(id.len() >= 16, "a minted request id is unique: {id}");
                text.push_str("x-request-id: <minted>");
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    write!(text, "\n{body}").unwrap();
    text.trim_end().to_owned()
}

#[tokio::test]
async fn every_vector_over_a_socket() {
    let server = server::start_app(dcv_resolver_http::router(sessions::resolver()));
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut differing = String::new();
    for vector in vectors() {
        let answer = raw::exchange(server.address, &to_wire(&vector.request)).await;
        let answer = from_wire(&answer, &vector.request);
        if update {
            fs::write(
                &vector.path,
                format!("{}{SEPARATOR}{answer}\n", vector.request),
            )
            .unwrap();
        } else if answer != vector.answer {
            let path = vector.path.display();
            writeln!(
                differing,
                "{path}\nexpected:\n{}\nanswered:\n{answer}\n",
                vector.answer
            )
            .unwrap();
        }
    }
    assert!(differing.is_empty(), "{differing}");
}

/// The same vectors through the router of a service that embeds ours: what a
/// server adds (`date`, `connection`) is not there.
#[tokio::test]
async fn every_vector_through_an_embedding_router() {
    let app = Router::new()
        .route("/about", get(async || "our own service"))
        .merge(dcv_resolver_http::router(sessions::resolver()));
    for vector in vectors() {
        let (request_head, body) = vector
            .request
            .split_once("\n\n")
            .unwrap_or((&vector.request, ""));
        let (request_line, headers) = request_head.split_once('\n').unwrap_or((request_head, ""));
        let mut words = request_line.split(' ');
        let mut request = Request::builder()
            .method(words.next().unwrap())
            .uri(words.next().unwrap());
        for (name, value) in headers.lines().filter_map(|line| line.split_once(": ")) {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();

        let answer = app.clone().oneshot(request).await.unwrap();
        let head = status_and_headers(answer.status().as_u16(), answer.headers(), &vector.request);
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let answered = format!("{head}\n{}", String::from_utf8(body.to_vec()).unwrap());

        assert_eq!(
            answered.trim_end(),
            without_what_a_server_adds(&vector.answer).trim_end(),
            "{}",
            vector.path.display()
        );
    }
}

fn status_and_headers(status: u16, headers: &HeaderMap, request: &str) -> String {
    let mut text = format!("{status}\n");
    for (name, value) in headers {
        let minted = name == "x-request-id" && !request.contains("x-request-id: golden");
        let value = if minted {
            "<minted>"
        } else {
            value.to_str().unwrap()
        };
        writeln!(text, "{name}: {value}").unwrap();
    }
    text
}

fn without_what_a_server_adds(answer: &str) -> String {
    let (head, body) = answer.split_once("\n\n").unwrap_or((answer, ""));
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .unwrap();
    let mut text = format!("{status}\n");
    for line in lines {
        let name = line.split(':').next().unwrap();
        if !["date", "connection"].contains(&name) {
            writeln!(text, "{line}").unwrap();
        }
    }
    text + "\n" + body
}
