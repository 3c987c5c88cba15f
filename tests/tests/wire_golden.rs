//! The wire contract, byte for byte.
//!
//! Each file of `golden/` is a request and the answer to it, with a line of
//! dashes between them, for the sessions of `src/sessions.rs`. Lines end in LF
//! in the file and, up to the body, in CR LF on the wire. Values that differ from
//! run to run are written as `<date>` and `<minted>`. A file whose name begins
//! with `closed_` goes to a router that allows no caller, one with `busy_` to a
//! router that has too many requests in flight.
//!
//! `UPDATE_GOLDEN=1 cargo test -p dcv-resolver-tests --test wire_golden
//! every_vector_over_a_socket -- --exact` rewrites
//! the answers: read the difference before committing it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test panics on the first failure"
)]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use axum::response::Response;
use axum::routing::get;
use dcv_resolver_http::{ResolveService, ResolveServiceBuilder};
use dcv_resolver_test_support::client;
use dcv_resolver_tests::{server, sessions};
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

/// One resolver as a router and as a service.
struct App {
    router: Router,
    service: ResolveService,
}

impl App {
    fn of(builder: ResolveServiceBuilder) -> Self {
        Self {
            router: builder.clone().router(),
            service: builder.build(),
        }
    }
}

/// The apps that the vectors are sent to.
struct Apps {
    usual: App,
    closed: App,
    busy: App,
    /// Requests that use up `max_in_flight`.
    _in_flight: [Pin<Box<dyn Future<Output = Response> + Send>>; 2],
}

impl Apps {
    async fn start() -> Self {
        let builder = || ResolveService::builder(sessions::resolver());
        let busy = App::of(
            builder()
                .max_in_flight(1)
                .time_budget(Duration::from_secs(3_600)),
        );
        let hanging = || {
            Request::post("/resolveSession?sessionId=store-hangs")
                .body(Body::empty())
                .unwrap()
        };
        let router = busy.router.clone().oneshot(hanging());
        let service = busy.service.clone().oneshot(hanging());
        let mut in_flight: [Pin<Box<dyn Future<Output = Response> + Send>>; 2] = [
            Box::pin(async { router.await.unwrap() }),
            Box::pin(async { service.await.unwrap() }),
        ];
        for in_flight in &mut in_flight {
            let no_answer = tokio::time::timeout(Duration::ZERO, in_flight.as_mut()).await;
            assert!(no_answer.is_err());
        }
        Self {
            usual: App::of(builder()),
            closed: App::of(builder().allowed_callers(vec![])),
            busy,
            _in_flight: in_flight,
        }
    }

    fn of(&self, vector: &Vector) -> &App {
        let name = vector.path.file_name().unwrap().to_str().unwrap();
        match name.split('_').next() {
            Some("closed") => &self.closed,
            Some("busy") => &self.busy,
            _ => &self.usual,
        }
    }
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
    let apps = Apps::start().await;
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut differing = String::new();
    for vector in vectors() {
        let server = server::start_app(apps.of(&vector).router.clone());
        let answer = client::exchange(server.address, &to_wire(&vector.request)).await;
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

/// The same vectors from a server without a router.
#[tokio::test]
async fn every_vector_over_a_socket_without_a_router() {
    let apps = Apps::start().await;
    for vector in vectors() {
        let server = server::start(apps.of(&vector).service.clone());
        let answer = client::exchange(server.address, &to_wire(&vector.request)).await;
        assert_eq!(
            from_wire(&answer, &vector.request),
            vector.answer,
            "{}",
            vector.path.display()
        );
    }
}

/// The same vectors through the router of a service that embeds ours, without
/// what a server adds: `date` and `connection`.
#[tokio::test]
async fn every_vector_through_an_embedding_router() {
    let apps = Apps::start().await;
    for vector in vectors() {
        let app = Router::new()
            .route("/about", get(async || "our own service"))
            .merge(apps.of(&vector).router.clone());
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

        let mut answer = app.oneshot(request).await.unwrap();
        // Set for a caller that is refused; a server adds it to others as well.
        answer.headers_mut().remove("connection");
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
