use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, Request, Uri};
use axum::response::Response;
use dcv_resolver_core::testing::{ManualClock, Reply, ScriptedStore, session};
use dcv_resolver_core::{
    Clock, Expiry, MemoryStore, ResolveRequest, Resolver, SessionRecord, SessionState,
    SessionStore, StoreErrorKind, Timestamp,
};
use dcv_resolver_http::{Decision, MAX_URI_BYTES, ResolveService, X_REQUEST_ID};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::message;
use crate::query_oracle;
use crate::runtime::block_on;

/// A whole request to a resolver with a store in memory: status, reason, headers and
/// body are those of the wire contract, whatever the request is. If the store fails
/// instead, the response is never a 404 for a session.
///
/// The input may begin with a record in its stored form, on a line, that is in the
/// store besides the fixed ones. Then come method and URI, headers, an empty line,
/// and the body.
pub fn request(data: &[u8]) {
    let (record, data) = record(data);
    let Some(request) = parse(data) else { return };
    let clock = ManualClock::default();
    let store = Arc::new(MemoryStore::from_iter(fixed(clock.now())));
    if let Some(record) = record {
        store.insert(record);
    }
    let healthy = Resolver::new(Arc::clone(&store)).with_clock(clock.clone());
    let expected = expected(&store, &clock, request.method(), request.uri());
    check(healthy, &request, &expected);

    let kind = FAILURES[data.len() % FAILURES.len()];
    let failing = Resolver::new(ScriptedStore::always(Reply::Fail(kind)));
    check(failing, &request, &expected.after_failure(kind));
}

const FAILURES: [StoreErrorKind; 4] = [
    StoreErrorKind::Unavailable,
    StoreErrorKind::TimedOut,
    StoreErrorKind::CorruptRecord,
    StoreErrorKind::Other,
];

/// Sends a request to a service, and checks the response.
fn check(resolver: Resolver, request: &Request<Vec<u8>>, expected: &Expected) {
    let service = ResolveService::builder(resolver).without_log().build();
    let is_short = request.body().len() <= 64 * 1024;
    let sent = request.clone().map(Body::from);
    let response = block_on(service.oneshot(sent)).unwrap();
    assert_eq!(response.status(), expected.status, "{expected:?}");
    check_headers(&response, expected, request.headers(), is_short);
    let decision = Arc::clone(response.extensions().get::<Arc<Decision>>().unwrap());
    assert_eq!(decision.reason(), expected.reason);
    assert_eq!(decision.status(), Some(response.status()));
    check_body(response, expected, request.method() == Method::HEAD);
}

/// What the contract has for a request.
#[derive(Debug, Default)]
struct Expected {
    status: u16,
    reason: Option<&'static str>,
    parameter: Option<String>,
    /// Of a 200.
    destination: Option<(ResolveRequest, SessionRecord)>,
}

impl Expected {
    /// What the contract has if the store fails: the same if it is not asked.
    fn after_failure(self, kind: StoreErrorKind) -> Self {
        let is_asked = match self.reason {
            None => true,
            Some(reason) => self.status == 404 && reason != "no_such_path",
        };
        if !is_asked {
            return self;
        }
        let (status, reason) = match kind {
            StoreErrorKind::TimedOut => (503, "timeout"),
            StoreErrorKind::CorruptRecord => (500, "internal_error"),
            _ => (503, "store_unavailable"),
        };
        Self {
            status,
            reason: Some(reason),
            ..Self::default()
        }
    }
}

fn expected(store: &MemoryStore, clock: &ManualClock, method: &Method, uri: &Uri) -> Expected {
    let problem = |status, reason| Expected {
        status,
        reason: Some(reason),
        ..Expected::default()
    };
    let last = uri.path().split('/').rfind(|segment| !segment.is_empty());
    if last != Some("resolveSession") {
        return problem(404, "no_such_path");
    }
    if method != Method::POST {
        return problem(405, "method_not_allowed");
    }
    if uri.path().len() + uri.query().map_or(0, |query| query.len() + 1) > MAX_URI_BYTES {
        return problem(414, "uri_too_long");
    }
    let asked = match query_oracle::read(uri.query().unwrap_or_default()) {
        Ok(asked) => asked,
        Err(parameter) => {
            return Expected {
                parameter: Some(parameter),
                ..problem(400, "malformed_request")
            };
        }
    };
    let Some(record) = block_on(store.lookup(&asked.session_id)).unwrap() else {
        return problem(404, "unknown");
    };
    if !record.is_live(clock.now()) {
        return problem(404, "expired");
    }
    if record.state() != SessionState::Ready {
        return problem(404, "not_ready");
    }
    if record.port(asked.transport).is_none() {
        return problem(404, "transport_not_offered");
    }
    let request = ResolveRequest::new(asked.session_id, asked.transport);
    Expected {
        status: 200,
        destination: Some((request, record)),
        ..Expected::default()
    }
}

fn check_headers(response: &Response, expected: &Expected, sent: &HeaderMap, is_short: bool) {
    let headers = response.headers();
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap());
    let content_type = match expected.status {
        200 => "application/json",
        _ => "application/problem+json",
    };
    assert_eq!(text(CONTENT_TYPE), Some(content_type));
    assert_eq!(text(CACHE_CONTROL), Some("no-store"));
    assert_eq!(text(ALLOW), (expected.status == 405).then_some("POST"));
    assert_eq!(text(CONNECTION), (!is_short).then_some("close"));
    assert!(text(CONTENT_LENGTH).is_some());

    let is_visible = |id: &&[u8]| {
        (1..=128).contains(&id.len()) && id.iter().all(|byte| matches!(byte, b'!'..=b'~'))
    };
    let given = sent.get(X_REQUEST_ID).map(|id| id.as_bytes());
    let found = headers[X_REQUEST_ID].as_bytes();
    match given.filter(is_visible) {
        Some(id) => assert_eq!(found, id),
        None => assert_eq!(found.len(), 32),
    }
}

fn check_body(response: Response, expected: &Expected, is_head: bool) {
    let (parts, body) = response.into_parts();
    let body = block_on(body.collect()).unwrap().to_bytes();
    if is_head {
        assert!(body.is_empty());
        return;
    }
    assert_eq!(parts.headers[CONTENT_LENGTH], body.len().to_string());
    let members: Value = serde_json::from_slice(&body).expect("every body is JSON");
    let mut names: Vec<_> = members.as_object().unwrap().keys().collect();
    names.sort_unstable();
    let Some((request, record)) = &expected.destination else {
        assert_eq!(members["status"], expected.status);
        assert_eq!(members["reason"], expected.reason.unwrap());
        let title = parts.status.canonical_reason().unwrap();
        assert_eq!(members["title"], title);
        message::check(members["detail"].as_str().unwrap());
        assert_eq!(names.len(), 4 + usize::from(expected.parameter.is_some()));
        // It is escaped.
        assert_eq!(
            members["parameter"].is_string(),
            expected.parameter.is_some()
        );
        return;
    };
    let keys = [
        "DcvServerEndpoint",
        "Port",
        "SessionId",
        "TransportProtocol",
        "WebUrlPath",
    ];
    assert_eq!(names, keys);
    assert_eq!(members["SessionId"], record.target_id().as_str());
    assert_eq!(members["TransportProtocol"], request.transport().as_str());
    assert_eq!(members["DcvServerEndpoint"], record.host().as_str());
    assert_eq!(members["Port"], record.port(request.transport()).unwrap());
    assert_eq!(members["WebUrlPath"], record.web_url_path().as_str());
    let answer = Response::from_parts(parts, body);
    let violations = dcv_resolver_client::violations(request, &answer);
    assert!(violations.is_empty(), "{violations:?}");
}

/// The sessions that are always in the store.
fn fixed(now: Timestamp) -> Vec<SessionRecord> {
    let at = |ms| Expiry::At(Timestamp::from_unix_ms(now.as_unix_ms() + ms));
    let state = |id, state| session(id).to_builder().state(state).build().unwrap();
    vec![
        session("console"),
        session("live").with_expiry(at(1)),
        session("expired").with_expiry(at(0)),
        session("http")
            .to_builder()
            .quic_port(None)
            .build()
            .unwrap(),
        session("quic")
            .to_builder()
            .http_port(None)
            .build()
            .unwrap(),
        state("creating", SessionState::Creating),
        state("deleting", SessionState::Deleting),
        state("lost", SessionState::Unknown),
    ]
}

/// Splits off a first line that is a record.
fn record(data: &[u8]) -> (Option<SessionRecord>, &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (line, rest) = data.split_at(end.unwrap_or(data.len()));
    match serde_json::from_slice(line) {
        Ok(record) => (Some(record), rest.get(1..).unwrap_or_default()),
        Err(_) => (None, data),
    }
}

/// Parses what a server passes on; `None` for what it would refuse itself.
fn parse(data: &[u8]) -> Option<Request<Vec<u8>>> {
    let blank = data.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = match blank {
        Some(at) => (&data[..at], &data[at + 2..]),
        None => (data, &[][..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut words = lines.next()?.splitn(2, |byte| *byte == b' ');
    let mut request = Request::builder().method(words.next()?).uri(words.next()?);
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        request = request.header(name, value.trim_ascii());
    }
    request.body(body.to_vec()).ok()
}
