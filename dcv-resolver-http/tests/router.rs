//! What the router answers, to the byte.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use dcv_resolver_core::testing::{FaultyStore, ManualClock, Reply, ScriptedStore};
use dcv_resolver_core::{
    Clock, Expiry, MemoryStore, Resolver, SessionId, SessionRecord, SessionRecordBuilder,
    SessionState, SessionStore, StoreErrorKind,
};
use dcv_resolver_http::{ResolveService, router};
use futures_util::stream;
use http_body_util::{BodyExt, Full};
use tokio::time::Instant;
use tower::ServiceExt;

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

async fn send(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.into()).unwrap(),
    }
}

async fn post(app: &Router, path_and_query: &str) -> Answer {
    send(
        app,
        Request::post(path_and_query).body(Body::empty()).unwrap(),
    )
    .await
}

fn session(id: &str, host: &str, expiry: Expiry) -> SessionRecordBuilder {
    SessionRecord::builder(id.parse().unwrap(), host.parse().unwrap(), expiry)
}

fn over(store: impl SessionStore) -> Resolver {
    Resolver::new(Arc::new(store)).with_clock(Arc::new(ManualClock::default()))
}

fn replying(reply: Reply) -> Router {
    router(over(ScriptedStore::always(reply)))
}

/// The sessions of the wire contract.
fn app() -> Router {
    let now = ManualClock::default().now();
    let later = now.saturating_add(Duration::from_millis(1));
    let host = "ws-17.dcv.example";
    let records = [
        session("console", "192.0.2.7", Expiry::Never)
            .http_port(8443)
            .quic_port(8444),
        session("tcp-only", host, Expiry::At(later))
            .http_port(8443)
            .web_url_path("/desk".parse().unwrap()),
        session("udp-only", "2001:db8::1", Expiry::Never).quic_port(8443),
        session("i-0abc", host, Expiry::Never)
            .http_port(8443)
            .target_id("console".parse::<SessionId>().unwrap()),
        session("expired", host, Expiry::At(now)).http_port(8443),
        session("creating", host, Expiry::Never)
            .http_port(8443)
            .state(SessionState::Creating),
        session("a b+c/ü\u{202e}\"\\", host, Expiry::Never).http_port(65535),
    ];
    let records = records.map(|record| record.build().unwrap());
    router(over(MemoryStore::from_iter(records)))
}

#[tokio::test]
async fn live_session_is_answered_with_exactly_five_keys() {
    let app = app();
    for (query, body) in [
        (
            "sessionId=console&transport=HTTP&clientIpAddress=198.51.100.4",
            r#"{"SessionId":"console","TransportProtocol":"HTTP","DcvServerEndpoint":"192.0.2.7","Port":8443,"WebUrlPath":"/"}"#,
        ),
        (
            "sessionId=console&transport=QUIC",
            r#"{"SessionId":"console","TransportProtocol":"QUIC","DcvServerEndpoint":"192.0.2.7","Port":8444,"WebUrlPath":"/"}"#,
        ),
        (
            "sessionId=tcp-only",
            r#"{"SessionId":"tcp-only","TransportProtocol":"HTTP","DcvServerEndpoint":"ws-17.dcv.example","Port":8443,"WebUrlPath":"/desk"}"#,
        ),
        (
            "transport=QUIC&sessionId=udp-only",
            r#"{"SessionId":"udp-only","TransportProtocol":"QUIC","DcvServerEndpoint":"2001:db8::1","Port":8443,"WebUrlPath":"/"}"#,
        ),
        (
            "sessionId=i-0abc&transport=HTTP",
            r#"{"SessionId":"console","TransportProtocol":"HTTP","DcvServerEndpoint":"ws-17.dcv.example","Port":8443,"WebUrlPath":"/"}"#,
        ),
        (
            "sessionId=a+b%2Bc%2F%C3%BC%E2%80%AE%22%5C",
            "{\"SessionId\":\"a b+c/ü\u{202e}\\\"\\\\\",\"TransportProtocol\":\"HTTP\",\"DcvServerEndpoint\":\"ws-17.dcv.example\",\"Port\":65535,\"WebUrlPath\":\"/\"}",
        ),
    ] {
        let answer = post(&app, &format!("/resolveSession?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.body);
        assert_eq!(answer.headers[CONTENT_TYPE], "application/json");
        assert_eq!(answer.body, body);
    }
}

#[tokio::test]
async fn client_address_never_decides() {
    let app = app();
    for client_ip in [
        "",
        "=",
        "=2001%3Adb8%3A%3A1",
        "=%3A%3Affff%3A10.0.0.7",
        "=unknown",
    ] {
        let answer = post(
            &app,
            &format!("/resolveSession?sessionId=console&clientIpAddress{client_ip}"),
        )
        .await;
        assert_eq!(answer.status, StatusCode::OK, "{client_ip}");
    }
}

/// An error in full: its status, and the body to the byte.
async fn expect_problem(
    app: &Router,
    request: Request<Body>,
    status: StatusCode,
    body: &str,
) -> HeaderMap {
    let answer = send(app, request).await;
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.headers[CONTENT_TYPE], "application/problem+json");
    assert_eq!(answer.body, body);
    answer.headers
}

fn resolve(query: &str) -> Request<Body> {
    Request::post(format!("/resolveSession?{query}"))
        .body(Body::empty())
        .unwrap()
}

#[tokio::test]
async fn a_miss_is_404_and_says_why() {
    let app = app();
    for (query, detail, reason) in [
        ("sessionId=absent", "no session has this id", "unknown"),
        ("sessionId=Console", "no session has this id", "unknown"),
        ("sessionId=console+", "no session has this id", "unknown"),
        (
            "sessionId=expired",
            "the session expired at 2030-01-01T00:00:00Z",
            "expired",
        ),
        (
            "sessionId=creating",
            "the session is CREATING, not READY",
            "not_ready",
        ),
        (
            "sessionId=tcp-only&transport=QUIC",
            "the session's server does not offer QUIC",
            "transport_not_offered",
        ),
        (
            "sessionId=udp-only",
            "the session's server does not offer HTTP",
            "transport_not_offered",
        ),
    ] {
        let body = format!(
            r#"{{"title":"Not Found","status":404,"detail":"{detail}","reason":"{reason}"}}"#
        );
        expect_problem(&app, resolve(query), StatusCode::NOT_FOUND, &body).await;
    }
}

#[tokio::test]
async fn a_malformed_request_is_400_and_names_the_parameter() {
    let app = app();
    let not_in_capitals = |given: &str| {
        format!(
            r#"transport must be HTTP or QUIC in capitals, or left out for HTTP; it is \"{given}\""#
        )
    };
    let control = |offset: usize| {
        format!(
            "sessionId is not valid: a session id must not contain control characters, but this one does at byte {offset}"
        )
    };
    for (query, detail, parameter) in [
        (
            "transport=HTTP",
            "sessionId is missing; it names the session to resolve".to_owned(),
            "sessionId",
        ),
        (
            "sessionId=",
            "sessionId is not valid: a session id must not be empty".to_owned(),
            "sessionId",
        ),
        (
            "sessionId=console&transport=http",
            not_in_capitals("http"),
            "transport",
        ),
        (
            "sessionId=console&transport=WEBSOCKET",
            not_in_capitals("WEBSOCKET"),
            "transport",
        ),
        (
            "sessionId=console&transport=",
            not_in_capitals(""),
            "transport",
        ),
        (
            "sessionId=console&transport=%22%1b%E2%80%AE",
            not_in_capitals(r#"\"\\u{1b}\\u{202e}"#),
            "transport",
        ),
        (
            "sessionId=console&sessionId=console",
            "sessionId is given more than once; it must be given once".to_owned(),
            "sessionId",
        ),
        (
            "sessionId=%zz",
            r#"the parameter \"sessionId\" is not percent-encoded correctly: two hexadecimal digits must follow each %"#
                .to_owned(),
            "sessionId",
        ),
        (
            "sessionId=%ff",
            r#"the parameter \"sessionId\" is not valid UTF-8 after percent-decoding"#.to_owned(),
            "sessionId",
        ),
        ("sessionId=console%00", control(7), "sessionId"),
        ("sessionId=%0d%0aconsole", control(0), "sessionId"),
        (
            "sessionId=console&%1b%C2%AD=%ff",
            r#"the parameter \"\\u{1b}\\u{ad}\" is not valid UTF-8 after percent-decoding"#.to_owned(),
            r"\\u{1b}\\u{ad}",
        ),
    ] {
        let body = format!(
            r#"{{"title":"Bad Request","status":400,"detail":"{detail}","reason":"malformed_request","parameter":"{parameter}"}}"#
        );
        expect_problem(&app, resolve(query), StatusCode::BAD_REQUEST, &body).await;
    }
}

#[tokio::test]
async fn missing_query_is_a_missing_session_id() {
    let answer = post(&app(), "/resolveSession").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(
        answer.body.contains(r#""parameter":"sessionId""#),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn other_method_is_405_and_allows_post() {
    let app = app();
    let body = r#"{"title":"Method Not Allowed","status":405,"detail":"only POST is allowed","reason":"method_not_allowed"}"#;
    for method in [
        "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "post", "BREW",
    ] {
        for path in ["/resolveSession", "/stage/resolveSession"] {
            let request = Request::builder()
                .method(method)
                .uri(format!("{path}?sessionId=console"))
                .body(Body::empty())
                .unwrap();
            // A response to HEAD has no body, but its length.
            let body = if method == "HEAD" { "" } else { body };
            let headers = expect_problem(&app, request, StatusCode::METHOD_NOT_ALLOWED, body).await;
            assert_eq!(headers[ALLOW], "POST", "{method}");
            assert_eq!(headers.get_all(ALLOW).iter().count(), 1);
        }
    }
}

#[tokio::test]
async fn path_is_found_below_any_prefix_with_any_slashes() {
    let app = app();
    for path in [
        "/resolveSession",
        "/resolveSession/",
        "/resolveSession//",
        "//resolveSession",
        "///resolveSession//",
        "/stage/x/resolveSession",
        "/stage//x/resolveSession/",
        "/resolveSession/resolveSession",
        "/%zz/%ff/resolveSession",
        "http://resolver.example:9000/stage/resolveSession",
    ] {
        let answer = post(&app, &format!("{path}?sessionId=console")).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn any_other_path_is_404_for_a_reason_of_its_own() {
    let app = app();
    let body = r#"{"title":"Not Found","status":404,"detail":"there is nothing at this path; send POST to a path that ends in /resolveSession","reason":"no_such_path"}"#;
    for path in [
        "/",
        "//",
        "/resolvesession",
        "/resolveSession/x",
        "/resolveSessions",
        "/xresolveSession",
        "/resolveSession;x",
        "/resolveSessio%6E",
        "/x?/resolveSession",
        "*",
        "resolver.example:9000",
    ] {
        for method in [Method::POST, Method::GET] {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .body(Body::empty())
                .unwrap();
            expect_problem(&app, request, StatusCode::NOT_FOUND, body).await;
        }
    }
}

#[tokio::test]
async fn a_uri_of_8_kib_is_read_and_a_longer_one_is_not() {
    let app = app();
    let start = "/resolveSession?sessionId=console&x=";
    let longest = format!("{start}{}", "x".repeat(8192 - start.len()));
    assert_eq!(post(&app, &longest).await.status, StatusCode::OK);

    let body = r#"{"title":"URI Too Long","status":414,"detail":"the URI must not be longer than 8192 bytes","reason":"uri_too_long"}"#;
    for uri in [
        format!("{longest}x"),
        format!("/{}/resolveSession?sessionId=console", "x".repeat(8192)),
    ] {
        let request = Request::post(uri).body(Body::empty()).unwrap();
        expect_problem(&app, request, StatusCode::URI_TOO_LONG, body).await;
    }
}

const STORE_UNAVAILABLE: &str = r#"{"title":"Service Unavailable","status":503,"detail":"the session store is unavailable; try again later","reason":"store_unavailable"}"#;
const TIMEOUT: &str = r#"{"title":"Service Unavailable","status":503,"detail":"the session store did not answer in time; try again later","reason":"timeout"}"#;
const INTERNAL_ERROR: &str = r#"{"title":"Internal Server Error","status":500,"detail":"internal error; see the resolver's log for the x-request-id of this response","reason":"internal_error"}"#;

#[tokio::test]
async fn an_outage_is_503_and_never_404() {
    for kind in [
        StoreErrorKind::Unavailable,
        StoreErrorKind::AccessDenied,
        StoreErrorKind::NotWritable,
        StoreErrorKind::Incompatible,
        StoreErrorKind::CorruptStore,
        StoreErrorKind::InvalidConfig,
        StoreErrorKind::Other,
    ] {
        let app = replying(Reply::Fail(kind));
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let headers = expect_problem(&app, resolve("sessionId=s"), status, STORE_UNAVAILABLE).await;
        assert_eq!(headers[RETRY_AFTER], "1", "{kind:?}");
    }
    let app = replying(Reply::Fail(StoreErrorKind::TimedOut));
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let headers = expect_problem(&app, resolve("sessionId=s"), status, TIMEOUT).await;
    assert_eq!(headers[RETRY_AFTER], "1");
}

#[tokio::test]
async fn corrupt_record_is_500_with_a_constant_text() {
    let app = replying(Reply::Fail(StoreErrorKind::CorruptRecord));
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    let headers = expect_problem(&app, resolve("sessionId=s"), status, INTERNAL_ERROR).await;
    assert!(!headers.contains_key(RETRY_AFTER));
}

#[tokio::test]
async fn record_of_another_session_is_500_and_names_no_session() {
    let record = session("other", "ws-17.dcv.example", Expiry::Never)
        .http_port(8443)
        .build();
    let app = replying(Reply::Record(record.unwrap()));
    expect_problem(
        &app,
        resolve("sessionId=s"),
        StatusCode::INTERNAL_SERVER_ERROR,
        INTERNAL_ERROR,
    )
    .await;
}

#[tokio::test]
async fn panic_in_a_store_fails_one_request_only() {
    let store = ScriptedStore::sequence([Reply::Panic], Reply::Absent);
    let app = router(over(store));
    expect_problem(
        &app,
        resolve("sessionId=s"),
        StatusCode::INTERNAL_SERVER_ERROR,
        INTERNAL_ERROR,
    )
    .await;
    assert_eq!(
        post(&app, "/resolveSession?sessionId=s").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test(start_paused = true)]
async fn hanging_store_is_503_when_the_time_budget_ends() {
    let resolver = over(ScriptedStore::always(Reply::Hang));
    for (app, budget) in [
        (router(resolver.clone()), Duration::from_secs(1)),
        (
            ResolveService::builder(resolver.clone())
                .time_budget(Duration::from_millis(250))
                .router(),
            Duration::from_millis(250),
        ),
        (
            ResolveService::builder(resolver)
                .time_budget(Duration::ZERO)
                .router(),
            Duration::ZERO,
        ),
    ] {
        let started = Instant::now();
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let headers = expect_problem(&app, resolve("sessionId=s"), status, TIMEOUT).await;
        assert_eq!(headers[RETRY_AFTER], "1");
        // Tokio's timer goes by whole milliseconds.
        assert!(
            started.elapsed() <= budget + Duration::from_millis(1),
            "{:?}",
            started.elapsed()
        );
        assert!(started.elapsed() >= budget);
    }
}

#[tokio::test(start_paused = true)]
async fn store_within_the_time_budget_is_awaited() {
    let delay = || tokio::time::sleep(Duration::from_millis(990));
    let app = router(over(FaultyStore::new(MemoryStore::new()).delayed(delay)));
    assert_eq!(
        post(&app, "/resolveSession?sessionId=s").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn longest_time_budget_is_possible() {
    let app = ResolveService::builder(over(MemoryStore::new()))
        .time_budget(Duration::MAX)
        .router();
    let request = Request::post("/resolveSession?sessionId=s")
        .body(Body::from("x"))
        .unwrap();
    assert_eq!(send(&app, request).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn response_has_no_store_and_the_callers_request_id() {
    let app = app();
    let failing = replying(Reply::Fail(StoreErrorKind::Unavailable));
    let panicking = replying(Reply::Panic);
    let long = format!("/resolveSession?x={}", "x".repeat(8192));
    for (app, method, uri, status) in [
        (&app, "POST", "/resolveSession?sessionId=console", 200),
        (&app, "POST", "/x/resolveSession?sessionId=console", 200),
        (&app, "POST", "/resolveSession?sessionId=absent", 404),
        (&app, "POST", "/resolveSession", 400),
        (&app, "GET", "/resolveSession", 405),
        (&app, "POST", "/elsewhere", 404),
        (&app, "POST", &long, 414),
        (&failing, "POST", "/resolveSession?sessionId=s", 503),
        (&panicking, "POST", "/resolveSession?sessionId=s", 500),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("x-request-id", "gw-7/42")
            .body(Body::empty())
            .unwrap();
        let answer = send(app, request).await;
        assert_eq!(answer.status, status, "{method} {uri}");
        assert_eq!(answer.headers[CACHE_CONTROL], "no-store", "{method} {uri}");
        assert_eq!(answer.headers["x-request-id"], "gw-7/42", "{method} {uri}");
        assert!(!answer.headers.contains_key(CONNECTION), "{method} {uri}");
    }
}

#[tokio::test]
async fn request_without_a_valid_id_gets_one() {
    let app = app();
    let mut seen = std::collections::BTreeSet::new();
    for id in [None, Some(""), Some("a b"), Some("\u{e9}")] {
        let mut request = Request::post("/resolveSession?sessionId=console");
        if let Some(id) = id {
            request = request.header("x-request-id", id.as_bytes());
        }
        let answer = send(&app, request.body(Body::empty()).unwrap()).await;
        let minted = answer.headers["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(minted.len(), 32, "{minted}");
        assert!(
            minted.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{minted}"
        );
        assert!(seen.insert(minted));
    }
}

#[tokio::test]
async fn body_is_ignored() {
    let app = app();
    let json = r#"{"sessionId":"absent","transport":"QUIC"}"#;
    for body in [json.to_owned(), "x".repeat(64 * 1024)] {
        let request = Request::post("/resolveSession?sessionId=console")
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .unwrap();
        let answer = send(&app, request).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(
            answer
                .body
                .contains(r#""SessionId":"console","TransportProtocol":"HTTP""#)
        );
        assert!(!answer.headers.contains_key(CONNECTION));
    }
}

/// A body of `chunks`, each sent when `pause` has passed, after which it is
/// not yet at its end until the last has been taken.
fn chunked(chunks: Vec<Vec<u8>>, pause: Duration) -> Body {
    let stream = stream::unfold(chunks.into_iter(), move |mut chunks| async move {
        tokio::time::sleep(pause).await;
        let chunk = chunks.next()?;
        Some((Ok::<_, io::Error>(chunk), chunks))
    });
    Body::from_stream(stream)
}

fn with_body(body: Body) -> Request<Body> {
    Request::post("/resolveSession?sessionId=console")
        .body(body)
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_body_of_up_to_64_kib_keeps_the_connection() {
    let app = app();
    let pause = Duration::from_millis(100);
    for chunks in [vec![], vec![vec![b'x'; 32 * 1024]; 2]] {
        let answer = send(&app, with_body(chunked(chunks, pause))).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(!answer.headers.contains_key(CONNECTION));
    }
}

#[tokio::test(start_paused = true)]
async fn endless_body_closes_the_connection_after_the_response() {
    let app = app();
    let mut over = vec![vec![b'x'; 32 * 1024]; 2];
    over.push(vec![b'x']);
    let announced = Full::<Bytes>::from(vec![b'x'; 64 * 1024 + 1]);
    let millisecond = Duration::from_millis(1);
    for (name, body, longest) in [
        (
            "announced as too long",
            Body::new(announced.inspect_frame(|_| panic!("it is read"))),
            Duration::ZERO,
        ),
        ("too long", chunked(over, Duration::ZERO), 10 * millisecond),
        (
            "of empty chunks",
            Body::from_stream(stream::iter((0..100_000).map(|_| Ok::<_, io::Error>("")))),
            Duration::ZERO,
        ),
        (
            "that dribbles",
            chunked(vec![b"x".to_vec(); 100], Duration::from_millis(300)),
            Duration::from_millis(1_001),
        ),
        (
            "that stands still",
            chunked(vec![], Duration::from_secs(3_600)),
            Duration::from_millis(1_001),
        ),
    ] {
        let started = Instant::now();
        let answer = send(&app, with_body(body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{name}");
        assert_eq!(answer.headers[CONNECTION], "close", "{name}");
        assert!(
            started.elapsed() <= longest,
            "{name}: {:?}",
            started.elapsed()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn truncated_body_closes_the_connection_after_the_response() {
    let broken = stream::iter([Err::<Vec<u8>, _>(io::Error::other("reset"))]);
    let answer = send(&app(), with_body(Body::from_stream(broken))).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers[CONNECTION], "close");
}

#[tokio::test(start_paused = true)]
async fn store_and_body_share_one_time_budget() {
    let delay = || tokio::time::sleep(Duration::from_millis(900));
    let app = router(over(FaultyStore::new(MemoryStore::new()).delayed(delay)));
    let started = Instant::now();
    let body = chunked(vec![vec![b'x']; 100], Duration::from_millis(300));
    let answer = send(&app, with_body(body)).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.headers[CONNECTION], "close");
    assert!(
        started.elapsed() <= Duration::from_millis(1_002),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn response_has_a_known_length() {
    for query in ["sessionId=console", "sessionId=absent"] {
        let response = app().oneshot(resolve(query)).await.unwrap();
        assert!(response.body().size_hint().exact().is_some());
    }
}
