//! The one log event that each request leaves, as the usual formatters write
//! it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

use std::io;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use dcv_resolver_core::testing::{ManualClock, Reply, ScriptedStore};
use dcv_resolver_core::{
    Clock, Expiry, MemoryStore, Resolver, SessionId, SessionRecord, SessionStore, StoreError,
    StoreErrorKind, Timestamp, async_trait,
};
use dcv_resolver_http::{ResolveService, router};
use serde_json::{Value, json};
use tower::ServiceExt;
use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

/// What a subscriber has written.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self) -> Vec<String> {
        let written = std::mem::take(&mut *self.0.lock().unwrap());
        let written = String::from_utf8(written).unwrap();
        assert!(written.is_empty() || written.ends_with('\n'));
        written.split_terminator('\n').map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

async fn send(app: &Router, method: &str, uri: &str, request_id: &[u8]) {
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .header("x-request-id", request_id)
        .body(Body::empty())
        .unwrap();
    app.clone().oneshot(request).await.unwrap();
}

/// The one event that a request leaves, as JSON.
async fn event(app: &Router, method: &str, uri: &str) -> Value {
    event_of(send(app, method, uri, b"gw-7")).await
}

/// The one event that is left while `requesting` runs, as JSON.
async fn event_of(requesting: impl Future<Output = ()>) -> Value {
    let log = Log::default();
    let json = tracing_subscriber::fmt()
        .json()
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(json);
    requesting.await;
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    serde_json::from_str(&lines[0]).unwrap()
}

/// An event must have exactly these fields, beside the time it took.
fn expect(event: &Value, level: Level, mut fields: Value) {
    assert_eq!(event["target"], "dcv_resolver::decision");
    assert_eq!(event["level"], level.as_str());
    assert!(
        event["fields"]["elapsed_us"].as_u64().unwrap() < 10_000_000,
        "{event}"
    );
    fields["elapsed_us"] = event["fields"]["elapsed_us"].clone();
    fields["request_id"] = json!("gw-7");
    assert_eq!(event["fields"], fields);
}

fn over(store: impl SessionStore) -> Router {
    let resolver = Resolver::builder()
        .store("inventory", store)
        .clock(ManualClock::default())
        .build()
        .unwrap();
    router(resolver)
}

fn record(id: &str, host: &str, expiry: Expiry) -> SessionRecord {
    SessionRecord::builder(id.parse().unwrap(), host.parse().unwrap(), expiry)
        .http_port(8443)
        .build()
        .unwrap()
}

fn app() -> Router {
    let now: Timestamp = ManualClock::default().now();
    over(MemoryStore::from_iter([
        record("console", "ws-17.dcv.example", Expiry::Never),
        record("six", "2001:db8::1", Expiry::Never),
        record("expired", "192.0.2.7", Expiry::At(now)),
    ]))
}

#[tokio::test]
async fn destination_is_logged_at_info() {
    let app = app();
    expect(
        &event(
            &app,
            "POST",
            "/resolveSession?sessionId=console&clientIpAddress=%3A%3Affff%3A192.0.2.9",
        )
        .await,
        Level::INFO,
        json!({
            "outcome": "found", "session_id": "console", "transport": "HTTP", "client_ip": "192.0.2.9",
            "destination": "ws-17.dcv.example:8443", "store": "inventory", "status": 200,
        }),
    );
    expect(
        &event(&app, "POST", "/stage/resolveSession?sessionId=six").await,
        Level::INFO,
        json!({
            "outcome": "found", "session_id": "six", "transport": "HTTP",
            "destination": "[2001:db8::1]:8443", "store": "inventory", "status": 200,
        }),
    );
}

#[tokio::test]
async fn stale_record_is_logged_with_its_age() {
    let stale = |id, host| {
        let record = record(id, host, Expiry::Never);
        record.with_stale_age(std::time::Duration::from_millis(61_234))
    };
    let app = over(MemoryStore::from_iter([stale(
        "console",
        "ws-17.dcv.example",
    )]));
    expect(
        &event(&app, "POST", "/resolveSession?sessionId=console").await,
        Level::INFO,
        json!({
            "outcome": "found", "session_id": "console", "transport": "HTTP", "stale_ms": 61_234,
            "destination": "ws-17.dcv.example:8443", "store": "inventory", "status": 200,
        }),
    );
    // Also where the answer is that there is none.
    let missed = event(
        &app,
        "POST",
        "/resolveSession?sessionId=console&transport=QUIC",
    )
    .await;
    assert_eq!(missed["fields"]["stale_ms"], 61_234, "{missed}");
}

#[tokio::test]
async fn invalid_client_address_is_logged() {
    for (encoded, shown) in [
        ("unknown", "unknown"),
        ("", ""),
        ("%1b%0a%E2%80%AE", r"\u{1b}\n\u{202e}"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("%ff", "%ff"),
    ] {
        expect(
            &event(
                &app(),
                "POST",
                &format!("/resolveSession?sessionId=console&clientIpAddress={encoded}"),
            )
            .await,
            Level::INFO,
            json!({
                "outcome": "found", "session_id": "console", "transport": "HTTP", "invalid_client_ip": shown,
                "destination": "ws-17.dcv.example:8443", "store": "inventory", "status": 200,
            }),
        );
    }
}

#[tokio::test]
async fn not_found_is_a_warning_with_its_reason() {
    expect(
        &event(&app(), "POST", "/resolveSession?sessionId=expired").await,
        Level::WARN,
        json!({
            "outcome": "not_found", "reason": "expired",
            "detail": "the session expired at 2030-01-01T00:00:00Z", "session_id": "expired",
            "transport": "HTTP", "store": "inventory", "status": 404,
        }),
    );
    expect(
        &event(&app(), "POST", "/resolveSession?sessionId=absent").await,
        Level::WARN,
        json!({
            "outcome": "not_found", "reason": "unknown", "detail": "no session has this id",
            "session_id": "absent", "transport": "HTTP", "status": 404,
        }),
    );
}

#[tokio::test]
async fn request_that_is_none_is_logged_with_its_method_path_and_parameter() {
    let long = "x".repeat(8_000);
    let cut = format!("/{}…", "x".repeat(252));
    for (method, uri, fields) in [
        (
            "POST",
            "/",
            json!({"path": "/", "reason": "no_such_path", "status": 404}),
        ),
        (
            "GET",
            "/resolve\u{202e}?sessionId=console",
            json!({"path": r"/resolve\u{202e}", "reason": "no_such_path", "status": 404}),
        ),
        (
            "POST",
            &format!("/{long}"),
            json!({"path": cut, "reason": "no_such_path", "status": 404}),
        ),
        (
            "GET",
            "/stage/resolveSession?sessionId=console",
            json!({"path": "/stage/resolveSession", "reason": "method_not_allowed", "status": 405}),
        ),
        (
            &"M".repeat(300),
            "/resolveSession",
            json!({"path": "/resolveSession", "reason": "method_not_allowed", "status": 405}),
        ),
        (
            "POST",
            "/resolveSession?sessionId=console&transport=http",
            json!({
                "path": "/resolveSession", "reason": "malformed_request", "status": 400,
                "parameter": "transport",
            }),
        ),
        (
            "POST",
            "/resolveSession?a%1b=%zz",
            json!({
                "path": "/resolveSession", "reason": "malformed_request", "status": 400,
                "parameter": r"a\u{1b}",
            }),
        ),
        (
            "POST",
            &format!("/resolveSession?sessionId={long}{long}"),
            json!({"path": "/resolveSession", "reason": "uri_too_long", "status": 414}),
        ),
    ] {
        let event = event(&app(), method, uri).await;
        let mut expected = fields;
        expected["outcome"] = json!("malformed");
        expected["method"] = match method {
            "POST" | "GET" => json!(method),
            _ => json!(format!("{}…", &method[..253])),
        };
        expected["detail"] = event["fields"]["detail"].clone();
        expect(&event, Level::WARN, expected);
    }
}

#[tokio::test]
async fn request_that_is_refused_leaves_no_text_of_its_own() {
    let resolver = Resolver::new(MemoryStore::new());
    let app = ResolveService::builder(resolver)
        .allowed_callers(vec![])
        .router();
    let event = event(&app, "GET", "/secret").await;
    for field in ["method", "path", "parameter"] {
        assert_eq!(event["fields"].get(field), None, "{event}");
    }
}

/// Fails with a driver's error that no gateway should see.
#[derive(Debug)]
struct Refused;

#[async_trait]
impl SessionStore for Refused {
    async fn lookup(&self, _id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let driver = io::Error::new(
            io::ErrorKind::ConnectionRefused,
            "192.0.2.99:6379\n\x1b[31mrefused",
        );
        Err(StoreError::new("redis", StoreErrorKind::Unavailable).with_source(driver))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Panics with what is not plain text.
#[derive(Debug)]
enum Panicking {
    Formatted,
    Wordless,
}

#[async_trait]
impl SessionStore for Panicking {
    #[expect(clippy::panic, reason = "the bug that it stands for")]
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        match self {
            Self::Formatted => panic!("no luck with {id}"),
            Self::Wordless => std::panic::panic_any(7),
        }
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn failure_is_logged_at_error_with_its_cause() {
    let unavailable = "the session store is unavailable; try again later";
    let timeout = "the session store did not answer in time; try again later";
    let failed = "internal error; see the resolver's log for the x-request-id of this response";
    for (app, status, reason, detail, error) in [
        (
            over(Refused),
            503,
            "store_unavailable",
            unavailable,
            Some(
                r#"the store "inventory" failed: redis: the store cannot be reached: 192.0.2.99:6379\n\u{1b}[31mrefused"#,
            ),
        ),
        (
            over(ScriptedStore::always(Reply::Hang)),
            503,
            "timeout",
            timeout,
            None,
        ),
        (
            over(ScriptedStore::always(Reply::Fail(
                StoreErrorKind::CorruptRecord,
            ))),
            500,
            "internal_error",
            failed,
            Some(r#"the store "inventory" failed: scripted: a stored record is damaged"#),
        ),
        (
            over(ScriptedStore::always(Reply::Panic)),
            500,
            "internal_error",
            failed,
            Some("panicked: the script says so"),
        ),
        (
            over(Panicking::Formatted),
            500,
            "internal_error",
            failed,
            Some("panicked: no luck with s"),
        ),
        (
            over(Panicking::Wordless),
            500,
            "internal_error",
            failed,
            Some("panicked: no message"),
        ),
    ] {
        let mut fields = json!({
            "outcome": "error", "reason": reason, "detail": detail, "session_id": "s",
            "transport": "QUIC", "store": "inventory", "status": status,
        });
        if let Some(error) = error {
            fields["error"] = json!(error);
        }
        expect(
            &event(&app, "POST", "/resolveSession?sessionId=s&transport=QUIC").await,
            Level::ERROR,
            fields,
        );
    }
}

#[tokio::test]
async fn abandoned_request_leaves_an_event() {
    let app = over(ScriptedStore::always(Reply::Hang));
    let given_up = async {
        let uri = "/resolveSession?sessionId=s&transport=QUIC";
        let mut answer = Box::pin(send(&app, "POST", uri, b"gw-7"));
        assert_eq!(futures_util::poll!(answer.as_mut()), Poll::Pending);
    };
    expect(
        &event_of(given_up).await,
        Level::WARN,
        json!({
            "outcome": "abandoned", "session_id": "s", "transport": "QUIC", "store": "inventory",
        }),
    );
}

/// Texts that would break a log, or forge a line or a field in it.
fn hostile() -> Vec<String> {
    let mut texts: Vec<String> = [
        "x\nINFO dcv_resolver::decision: outcome=\"found\"",
        "x\r\n{\"outcome\":\"found\"}",
        "x outcome=\"found\" status=200",
        "x\" outcome=\"found\" status=\"200",
        "x\\\" outcome=\"found\" status=\"200",
        "x\",\"outcome\":\"found\",\"x\":\"",
        "x','outcome':'found",
        "\x1b[31mred\x1b[0m",
        "\x1b]0;title\x07",
        "\u{9b}31mred",
        "\u{202e}gnp.exe",
        "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}",
        "\u{2066}\u{2067}\u{2068}\u{2069}",
        "\u{200e}\u{200f}\u{61c}",
        "line\u{2028}separator\u{2029}",
        "\u{85}next line",
        "zero\u{200b}width\u{feff}",
        "\0",
        "\t",
        "\u{8}\u{8}\u{8}",
        "\u{7f}",
        "\\n",
        "\\u{202e}",
        "\\",
        "\"",
        "{}",
        "{0}{name}",
        "%s%n",
        "%0a",
        "${jndi:ldap://ws.example/x}",
        "<script>",
        "'; DROP TABLE sessions; --",
        "\u{e0041}\u{e0042}",
        "\u{fff9}\u{fffa}\u{fffb}",
        "e\u{301}\u{302}\u{303}",
        "\u{ad}soft",
        "\u{a0}\u{2003}\u{3000}",
        "\u{10ffff}",
        " ",
        "=",
        "a=b",
        "é🖥机",
        "null",
        "true",
        "0x1",
        "[]",
        "\u{1d173}\u{1d17a}",
    ]
    .map(str::to_owned)
    .into();
    texts.push("\u{202e}".repeat(85));
    texts.push("a".repeat(256));
    texts.push("\\".repeat(256));
    texts
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// Sends each hostile text wherever a client can put one, and hands `check`
/// the one line that each request leaves.
async fn for_each_hostile_line(log: &Log, mut check: impl FnMut(&str, &str)) {
    let app = app();
    let texts = hostile();
    assert!(texts.len() >= 50);
    for text in &texts {
        let hostile = percent_encoded(text);
        for uri in [
            format!("/resolveSession?sessionId={hostile}"),
            format!("/{hostile}/resolveSession?sessionId=console&clientIpAddress={hostile}"),
            format!("/resolveSession?sessionId=console&transport={hostile}"),
            format!("/resolveSession?sessionId=console&{hostile}=%ff"),
            format!("/resolveSession?sessionId=console&{hostile}%ff={hostile}"),
            format!("/{hostile}"),
        ] {
            // Other bytes cannot stand in a header at all.
            let header: Vec<u8> = text
                .bytes()
                .filter(|byte| !byte.is_ascii_control())
                .collect();
            send(&app, "POST", &uri, &header).await;
            let lines = log.lines();
            assert_eq!(lines.len(), 1, "{uri}: {lines:#?}");
            check(text, &lines[0]);
        }
    }
}

/// Nothing that acts on a terminal or hides from a reader, and nothing long.
fn assert_harmless(line: &str) {
    assert!(line.len() < 1_500, "{}: {line:?}", line.len());
    for character in line.chars() {
        let format = matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        );
        assert!(!character.is_control() && !format, "{line:?}");
    }
}

#[tokio::test]
async fn hostile_text_leaves_one_harmless_event_in_json() {
    let log = Log::default();
    let json = tracing_subscriber::fmt()
        .json()
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(json);
    for_each_hostile_line(&log, |text, line| {
        assert_harmless(line);
        let event: Value = serde_json::from_str(line).unwrap();
        let fields = event["fields"].as_object().unwrap();
        for value in fields.values().filter_map(Value::as_str) {
            assert!(value.len() <= 256, "{line}");
        }
        // An id that needs no escaping is logged as it is, to be searched for.
        if let Some(id) = fields.get("session_id")
            && id != "console"
            && text
                .bytes()
                .all(|byte| (b' '..=b'~').contains(&byte) && byte != b'\\')
        {
            assert_eq!(id, text);
        }
    })
    .await;
}

#[tokio::test]
async fn hostile_text_leaves_one_harmless_event_in_text() {
    let log = Log::default();
    let text = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(text);
    for_each_hostile_line(&log, |_text, line| {
        assert_harmless(line);
        // What stands outside quotes is ours: no field is forged.
        let ours = outside_quotes(line);
        let (before, event) = ours.split_once("dcv_resolver::decision:").unwrap();
        for field in ["outcome=", "status=", "request_id="] {
            assert_eq!(event.matches(field).count(), 1, "{line}");
        }
        assert!(
            before.ends_with(" INFO ") || before.ends_with(" WARN "),
            "{line}"
        );
    })
    .await;
}

/// A line without its quoted strings.
fn outside_quotes(line: &str) -> String {
    let mut outside = String::new();
    let mut characters = line.chars();
    let mut quoted = false;
    while let Some(character) = characters.next() {
        match character {
            '"' => quoted = !quoted,
            '\\' if quoted => {
                characters.next();
            }
            _ if quoted => {}
            _ => outside.push(character),
        }
    }
    assert!(!quoted, "{line}");
    outside
}
