//! Every answer that is no destination, in one table: as the gateway gets it,
//! as the log tells it.

use axum::Router;
use axum::http::header::{ALLOW, RETRY_AFTER};
use axum::http::{Method, Request};
use dcv_resolver_core::testing::{ManualClock, Reply, ScriptedStore};
use dcv_resolver_core::{
    Clock, Denial, Expiry, MemoryStore, Policy, PolicyError, ResolveRequest, Resolver,
    SessionRecord, SessionRecordBuilder, SessionState, StoreErrorKind, Verdict, async_trait,
};
use dcv_resolver_http::ResolveService;
use futures_util::poll;
use serde_json::json;
use tracing::Level;

use crate::support::{CONSOLE, Log, memory, over, post, replying, request, send};

pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) reason: &'static str,
    title: &'static str,
    detail: &'static str,
    outcome: &'static str,
    level: Level,
    pub(crate) retry_after: Option<&'static str>,
}

/// All there are.
pub(crate) const PROBLEMS: &[Problem] = &[
    miss("unknown", "no session has this id"),
    miss("expired", "the session expired at 2030-01-01T00:00:00Z"),
    miss("not_ready", "the session is CREATING, not READY"),
    miss(
        "transport_not_offered",
        "the session's server does not offer QUIC",
    ),
    miss("denied", r"denied to \u{1b}[31mconsole"),
    Problem {
        status: 400,
        reason: "malformed_request",
        title: "Bad Request",
        detail: "sessionId is missing; it names the session to resolve",
        outcome: "malformed",
        level: Level::WARN,
        retry_after: None,
    },
    Problem {
        status: 405,
        reason: "method_not_allowed",
        title: "Method Not Allowed",
        detail: "only POST is allowed",
        outcome: "malformed",
        level: Level::WARN,
        retry_after: None,
    },
    Problem {
        status: 414,
        reason: "uri_too_long",
        title: "URI Too Long",
        detail: "the URI must not be longer than 8192 bytes",
        outcome: "malformed",
        level: Level::WARN,
        retry_after: None,
    },
    Problem {
        status: 404,
        reason: "no_such_path",
        title: "Not Found",
        detail: "there is nothing at this path; send POST to a path that ends in /resolveSession",
        outcome: "malformed",
        level: Level::WARN,
        retry_after: None,
    },
    Problem {
        status: 403,
        reason: "caller_not_allowed",
        title: "Forbidden",
        detail: "the caller's address is not in any network that is allowed to ask this resolver",
        outcome: "refused",
        level: Level::WARN,
        retry_after: None,
    },
    Problem {
        status: 429,
        reason: "rate_limited",
        title: "Too Many Requests",
        detail: "rate limit exceeded; try again later",
        outcome: "refused",
        level: Level::WARN,
        retry_after: Some("1"),
    },
    Problem {
        status: 503,
        reason: "overloaded",
        title: "Service Unavailable",
        detail: "too many concurrent requests; try again later",
        outcome: "refused",
        level: Level::WARN,
        retry_after: Some("1"),
    },
    Problem {
        status: 503,
        reason: "store_unavailable",
        title: "Service Unavailable",
        detail: "the session store is unavailable; try again later",
        outcome: "error",
        level: Level::ERROR,
        retry_after: Some("1"),
    },
    Problem {
        status: 503,
        reason: "timeout",
        title: "Service Unavailable",
        detail: "the session store did not answer in time; try again later",
        outcome: "error",
        level: Level::ERROR,
        retry_after: Some("1"),
    },
    Problem {
        status: 500,
        reason: "internal_error",
        title: "Internal Server Error",
        detail: "internal error; see the resolver's log for the x-request-id of this response",
        outcome: "error",
        level: Level::ERROR,
        retry_after: None,
    },
];

const fn miss(reason: &'static str, detail: &'static str) -> Problem {
    Problem {
        status: 404,
        reason,
        title: "Not Found",
        detail,
        outcome: "not_found",
        level: Level::WARN,
        retry_after: None,
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

/// Returns a router and a request to it that is answered with this problem.
async fn cause_of(reason: &str) -> (Router, Request<axum::body::Body>) {
    let now = ManualClock::default().now();
    let app = match reason {
        "expired" => ResolveService::builder(holding(|record| record.expiry(Expiry::At(now)))),
        "not_ready" => {
            ResolveService::builder(holding(|record| record.state(SessionState::Creating)))
        }
        "denied" => ResolveService::builder(holding(|record| record).with_policy(Denying)),
        "caller_not_allowed" => over(memory()).allowed_callers([]),
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
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body, document);
        assert_eq!(answer.status.as_u16(), problem.status, "{reason}");
        let header = |name| {
            answer
                .headers
                .get(name)
                .map(|value| value.to_str().unwrap())
        };
        assert_eq!(header(RETRY_AFTER), problem.retry_after, "{reason}");
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
        assert_eq!(fields["store"], "store", "{reason}");
    }
}

/// The gateway tells 404 from everything else, and so must its operator.
#[test]
fn only_what_no_repetition_and_no_repair_mends_is_404() {
    for problem in PROBLEMS {
        let is_miss = problem.outcome == "not_found" || problem.reason == "no_such_path";
        assert_eq!(problem.status == 404, is_miss, "{}", problem.reason);
    }
}

#[tokio::test(start_paused = true)]
async fn the_store_that_is_asked_is_named_also_when_it_hangs_and_when_nobody_waits() {
    let resolver = Resolver::new(MemoryStore::new())
        .with_store_name("first")
        .then("second", ScriptedStore::always(Reply::Hang));
    let app: Router = ResolveService::builder(resolver).router();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    assert_eq!(post(&app, CONSOLE).await.reason(), "timeout");
    let mut abandoned = Box::pin(post(&app, CONSOLE));
    assert!(poll!(abandoned.as_mut()).is_pending());
    drop(abandoned);
    for (event, outcome) in log.events().iter().zip(["error", "abandoned"]) {
        assert_eq!(event["fields"]["outcome"], outcome);
        assert_eq!(event["fields"]["store"], "second");
    }

    let resolver = Resolver::new(MemoryStore::new())
        .with_store_name("first")
        .then("second", memory());
    let app: Router = ResolveService::builder(resolver).router();
    for (uri, store) in [
        (CONSOLE, "second"),
        ("/resolveSession?sessionId=other", "first,second"),
        ("/resolveSession", "first,second"),
    ] {
        post(&app, uri).await;
        assert_eq!(log.events()[0]["fields"]["store"], store, "{uri}");
    }
}
