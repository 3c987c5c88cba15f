//! Every problem in one table: as the gateway gets it, and as it is logged.

use axum::Router;
use axum::http::header::{ALLOW, CONNECTION, RETRY_AFTER};
use axum::http::{Method, Request};
use dcv_resolver_core::testing::{ManualClock, Reply, ScriptedStore};
use dcv_resolver_core::{
    Clock, Denial, Expiry, MemoryStore, Policy, PolicyError, PolicyErrorKind, ResolveRequest,
    Resolver, SessionRecord, SessionRecordBuilder, SessionState, StoreErrorKind, Verdict,
    async_trait,
};
use dcv_resolver_http::{ResolveService, ResolveServiceBuilder};
use futures_util::poll;
use serde_json::{Value, json};
use tracing::Level;

use crate::support::{CONSOLE, Log, memory, over, post, replying, request, send};

pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) reason: &'static str,
    title: &'static str,
    detail: &'static str,
    outcome: &'static str,
    level: Level,
    /// The store in the log.
    store: Option<&'static str>,
    pub(crate) retry_after: Option<&'static str>,
}

/// All there are.
pub(crate) const PROBLEMS: &[Problem] = &[
    not_found("unknown", None, "no session has this id"),
    not_found(
        "expired",
        Some("store"),
        "the session expired at 2030-01-01T00:00:00Z",
    ),
    not_found(
        "not_ready",
        Some("store"),
        "the session is CREATING, not READY",
    ),
    not_found(
        "transport_not_offered",
        Some("store"),
        "the session's server does not offer QUIC",
    ),
    not_found("denied", Some("store"), r"denied to \u{1b}[31mconsole"),
    Problem {
        status: 400,
        reason: "malformed_request",
        title: "Bad Request",
        detail: "sessionId is missing; it names the session to resolve",
        outcome: "malformed",
        level: Level::WARN,
        store: None,
        retry_after: None,
    },
    Problem {
        status: 405,
        reason: "method_not_allowed",
        title: "Method Not Allowed",
        detail: "only POST is allowed",
        outcome: "malformed",
        level: Level::WARN,
        store: None,
        retry_after: None,
    },
    Problem {
        status: 414,
        reason: "uri_too_long",
        title: "URI Too Long",
        detail: "the URI must not be longer than 8192 bytes",
        outcome: "malformed",
        level: Level::WARN,
        store: None,
        retry_after: None,
    },
    Problem {
        status: 404,
        reason: "no_such_path",
        title: "Not Found",
        detail: "there is nothing at this path; send POST to a path that ends in /resolveSession",
        outcome: "malformed",
        level: Level::WARN,
        store: None,
        retry_after: None,
    },
    Problem {
        status: 403,
        reason: "caller_not_allowed",
        title: "Forbidden",
        detail: "the caller's address is not in any network that is allowed to ask this resolver",
        outcome: "refused",
        level: Level::WARN,
        store: None,
        retry_after: None,
    },
    Problem {
        status: 429,
        reason: "rate_limited",
        title: "Too Many Requests",
        detail: "rate limit exceeded; try again later",
        outcome: "refused",
        level: Level::WARN,
        store: None,
        retry_after: Some("1"),
    },
    Problem {
        status: 503,
        reason: "overloaded",
        title: "Service Unavailable",
        detail: "too many concurrent requests; try again later",
        outcome: "refused",
        level: Level::WARN,
        store: None,
        retry_after: Some("1"),
    },
    Problem {
        status: 503,
        reason: "store_unavailable",
        title: "Service Unavailable",
        detail: "the session store is unavailable; try again later",
        outcome: "error",
        level: Level::ERROR,
        store: Some("store"),
        retry_after: Some("1"),
    },
    Problem {
        status: 503,
        reason: "policy_unavailable",
        title: "Service Unavailable",
        detail: "a policy could not decide; try again later",
        outcome: "error",
        level: Level::ERROR,
        store: Some("store"),
        retry_after: Some("1"),
    },
    Problem {
        status: 503,
        reason: "timeout",
        title: "Service Unavailable",
        detail: "the session store did not answer in time; try again later",
        outcome: "error",
        level: Level::ERROR,
        store: Some("store"),
        retry_after: Some("1"),
    },
    Problem {
        status: 500,
        reason: "internal_error",
        title: "Internal Server Error",
        detail: "internal error; see the resolver's log for the x-request-id of this response",
        outcome: "error",
        level: Level::ERROR,
        store: Some("store"),
        retry_after: None,
    },
];

const fn not_found(
    reason: &'static str,
    store: Option<&'static str>,
    detail: &'static str,
) -> Problem {
    Problem {
        status: 404,
        reason,
        title: "Not Found",
        detail,
        outcome: "not_found",
        level: Level::WARN,
        store,
        retry_after: None,
    }
}

/// Cannot decide.
#[derive(Debug)]
struct Unavailable;

#[async_trait]
impl Policy for Unavailable {
    fn name(&self) -> &str {
        "entitlements"
    }

    async fn check(&self, _: &ResolveRequest, _: &SessionRecord) -> Result<Verdict, PolicyError> {
        Err(PolicyError::new(PolicyErrorKind::Unavailable))
    }
}

/// Denies everything, in words that are not plain.
#[derive(Debug)]
struct Denying;

#[async_trait]
impl Policy for Denying {
    fn name(&self) -> &str {
        "denying"
    }

    async fn check(
        &self,
        _: &ResolveRequest,
        record: &SessionRecord,
    ) -> Result<Verdict, PolicyError> {
        let sentence = format!("denied to \u{1b}[31m{}", record.id());
        Ok(Verdict::Deny(Denial::new(sentence)))
    }
}

fn holding(change: impl Fn(SessionRecordBuilder) -> SessionRecordBuilder) -> Resolver {
    let record = SessionRecord::builder(
        "console".parse().unwrap(),
        "ws-17.dcv.example".parse().unwrap(),
        Expiry::Never,
    );
    let record = change(record.http_port(8443)).build().unwrap();
    Resolver::new(MemoryStore::from_iter([record])).with_clock(ManualClock::default())
}

fn judged_by(policy: impl Policy) -> ResolveServiceBuilder {
    let resolver = Resolver::builder().store("store", memory()).policy(policy);
    ResolveService::builder(resolver.build().unwrap())
}

/// Returns a router and a request to it that is answered with this problem.
async fn cause_of(reason: &str) -> (Router, Request<axum::body::Body>) {
    let now = ManualClock::default().now();
    let app = match reason {
        "expired" => ResolveService::builder(holding(|record| record.expiry(Expiry::At(now)))),
        "not_ready" => {
            ResolveService::builder(holding(|record| record.state(SessionState::Creating)))
        }
        "denied" => judged_by(Denying),
        "policy_unavailable" => judged_by(Unavailable),
        "caller_not_allowed" => over(memory()).allowed_callers(vec![]),
        "overloaded" => replying(Reply::Hang).max_in_flight(1),
        "store_unavailable" => replying(Reply::Fail(StoreErrorKind::Unavailable)),
        "timeout" => replying(Reply::Hang),
        "internal_error" => replying(Reply::Panic),
        "rate_limited" => over(memory()).rate_limit(dcv_resolver_http::RateLimit::new(
            1.try_into().unwrap(),
            1.try_into().unwrap(),
        )),
        _ => over(memory()),
    };
    let app = app.router();
    let long = format!("{CONSOLE}&x={}", "x".repeat(8192));
    let mut request = request(
        "192.0.2.9",
        match reason {
            "unknown" => "/resolveSession?sessionId=other",
            "transport_not_offered" => "/resolveSession?sessionId=console&transport=QUIC",
            "malformed_request" => "/resolveSession",
            "uri_too_long" => &long,
            "no_such_path" => "/elsewhere",
            _ => CONSOLE,
        },
    );
    if reason == "method_not_allowed" {
        *request.method_mut() = Method::GET;
    }
    if reason == "rate_limited" {
        let first = crate::support::request("192.0.2.9", CONSOLE);
        assert_eq!(send(&app, first).await.status, 200);
    }
    (app, request)
}

#[tokio::test(start_paused = true)]
async fn every_problem_is_answered_and_logged_as_documented() {
    for problem in PROBLEMS {
        let reason = problem.reason;
        let (app, request) = cause_of(reason).await;
        let mut in_flight = Box::pin(post(&app, CONSOLE));
        if reason == "overloaded" {
            assert!(poll!(in_flight.as_mut()).is_pending());
        }

        let (log, guard) = Log::of_this_thread(Level::INFO);
        let answer = send(&app, request).await;
        drop(guard);

        let mut document = json!({
            "title": problem.title, "status": problem.status,
            "detail": problem.detail, "reason": reason,
        });
        if reason == "malformed_request" {
            document["parameter"] = json!("sessionId");
        }
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body, document);
        assert_eq!(answer.status.as_u16(), problem.status, "{reason}");
        let header = |name| {
            answer
                .headers
                .get(name)
                .map(|value| value.to_str().unwrap())
        };
        assert_eq!(header(RETRY_AFTER), problem.retry_after, "{reason}");
        let closes = matches!(problem.status, 403 | 429).then_some("close");
        assert_eq!(header(CONNECTION), closes, "{reason}");
        let allow = (problem.status == 405).then_some("POST");
        assert_eq!(header(ALLOW), allow, "{reason}");

        let events = log.events();
        assert_eq!(events.len(), 1, "{reason}: {events:#?}");
        assert_eq!(events[0]["level"], problem.level.as_str(), "{reason}");
        let fields = &events[0]["fields"];
        assert_eq!(fields["outcome"], problem.outcome, "{reason}");
        assert_eq!(fields["reason"], reason);
        assert_eq!(fields["status"], problem.status, "{reason}");
        assert_eq!(fields["detail"], problem.detail, "{reason}");
        assert_eq!(fields["caller"], "192.0.2.9", "{reason}");
        let policy = match reason {
            "denied" => json!("denying"),
            "policy_unavailable" => json!("entitlements"),
            _ => Value::Null,
        };
        assert_eq!(fields["policy"], policy, "{reason}");
        let store = problem.store.map_or(Value::Null, Value::from);
        assert_eq!(fields["store"], store, "{reason}");
    }
}

/// The gateway treats 404 differently from everything else.
#[test]
fn only_an_answer_that_no_retry_changes_is_404() {
    for problem in PROBLEMS {
        let is_not_found = problem.outcome == "not_found" || problem.reason == "no_such_path";
        assert_eq!(problem.status == 404, is_not_found, "{}", problem.reason);
    }
}

#[tokio::test(start_paused = true)]
async fn store_is_named_when_it_decides_hangs_or_the_request_is_abandoned() {
    let resolver = Resolver::builder()
        .store("first", MemoryStore::new())
        .store("second", ScriptedStore::always(Reply::Hang))
        .build()
        .unwrap();
    let app = ResolveService::builder(resolver).router();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    assert_eq!(post(&app, CONSOLE).await.reason(), "timeout");
    let mut abandoned = Box::pin(post(&app, CONSOLE));
    assert!(poll!(abandoned.as_mut()).is_pending());
    drop(abandoned);
    for (event, outcome) in log.events().iter().zip(["error", "abandoned"]) {
        assert_eq!(event["fields"]["outcome"], outcome);
        assert_eq!(event["fields"]["store"], "second");
    }

    let resolver = Resolver::builder()
        .store("first", MemoryStore::new())
        .store("second", memory())
        .build()
        .unwrap();
    let app = ResolveService::builder(resolver).router();
    for (uri, store) in [
        (CONSOLE, json!("second")),
        ("/resolveSession?sessionId=other", Value::Null),
        ("/resolveSession", Value::Null),
    ] {
        post(&app, uri).await;
        assert_eq!(log.events()[0]["fields"]["store"], store, "{uri}");
    }
}
