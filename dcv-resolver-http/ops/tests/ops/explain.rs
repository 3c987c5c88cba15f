//! `/explain`: why a request is resolved as it is.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use dcv_resolver_core::testing::{ManualClock, Reply, ScriptedStore};
use dcv_resolver_core::{
    ClientNetworks, Clock, Expiry, Explainer, ListError, MemoryStore, Page, PageToken, Resolver,
    SessionId, SessionListing, SessionRecord, SessionRecordBuilder, SessionState, SessionStore,
    StoreError, StoreErrorKind, UnknownClient,
};
use dcv_resolver_ops::{Metrics, OpsBuilder, Readiness};
use dcv_resolver_test_support::log::Log;
use serde_json::{Value, json};
use tracing::Level;

use crate::endpoints::{Answer, ask, ask_from, explainer, readiness};
use crate::store::{Mode, SwitchStore, resolver};

fn record(id: &str) -> SessionRecordBuilder {
    let host = "ws-17.dcv.example".parse().unwrap();
    SessionRecord::builder(id.parse().unwrap(), host, Expiry::Never).http_port(8443)
}

fn explaining(resolver: Resolver) -> Router {
    let readiness = Readiness::new(&resolver);
    OpsBuilder::new(Explainer::new(resolver), readiness).build()
}

/// A chain of two stores and a policy.
fn app() -> Router {
    let now = ManualClock::default().now();
    let records = [
        record("console"),
        record("expired").expiry(Expiry::At(now)),
        record("creating").state(SessionState::Creating),
        record("ann's"),
    ];
    let records = records.map(|record| record.build().unwrap());
    let store = Arc::new(MemoryStore::from_iter(records));
    let agents = Arc::new(MemoryStore::new());
    let networks = ClientNetworks::new(UnknownClient::Allow)
        .session("ann's".parse().unwrap(), ["192.0.2.0/24".parse().unwrap()]);
    let resolver = Resolver::builder()
        .store("agents", agents)
        .store("by_hand", Arc::clone(&store))
        .policy(networks)
        .clock(ManualClock::default())
        .build()
        .unwrap();
    let readiness = Readiness::new(&resolver);
    let explainer = Explainer::new(resolver).with_listing("by_hand", store);
    OpsBuilder::new(explainer, readiness).build()
}

/// Returns the explanation and the event of it.
async fn explained(app: &Router, query: &str) -> (Value, Value) {
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    let answer = ask(app, "GET", &format!("/explain?{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    (answer.json(), event(&log, &answer))
}

fn event(log: &Log, answer: &Answer) -> Value {
    let events = log.take();
    assert_eq!(events.len(), 1, "{events:#?}");
    let mut event = events[0].clone();
    assert_eq!(event["target"], "dcv_resolver::operators");
    let fields = event["fields"].as_object_mut().unwrap();
    assert_eq!(fields.remove("path").unwrap(), "/explain");
    assert!(fields.remove("elapsed_us").unwrap().is_u64());
    let request_id = fields.remove("request_id").unwrap();
    assert_eq!(answer.headers["x-request-id"], request_id.as_str().unwrap());
    json!({"level": event["level"], "fields": event["fields"]})
}

#[tokio::test]
async fn found_session_is_explained_step_by_step() {
    let query = "sessionId=console&transport=HTTP&clientIpAddress=192.0.2.9%3A5123";
    let (explanation, event) = explained(&app(), query).await;
    assert_eq!(explanation["outcome"], "found");
    assert_eq!(
        explanation["answer"]["DcvServerEndpoint"],
        "ws-17.dcv.example"
    );
    assert_eq!(explanation["client_ip"], "192.0.2.9");
    assert_eq!(explanation["stores"][0]["result"], "absent");
    assert_eq!(explanation["stores"][1]["decides"], true);
    assert_eq!(
        event,
        json!({"level": "INFO", "fields": {
            "outcome": "found", "session_id": "console", "transport": "HTTP",
            "client_ip": "192.0.2.9", "principal": "loopback", "caller": "127.0.0.1", "status": 200,
        }})
    );
}

#[tokio::test]
async fn each_reason_is_explained() {
    for (query, reason) in [
        ("sessionId=absent", "unknown"),
        ("sessionId=expired", "expired"),
        ("sessionId=creating", "not_ready"),
        ("sessionId=console&transport=QUIC", "transport_not_offered"),
        ("sessionId=ann's&clientIpAddress=198.51.100.7", "denied"),
    ] {
        let (explanation, event) = explained(&app(), query).await;
        assert_eq!(explanation["outcome"], "not_found", "{query}");
        assert_eq!(explanation["reason"], reason, "{query}");
        assert_eq!(explanation["stores"].as_array().unwrap().len(), 2);
        assert_eq!(event["level"], "INFO");
        assert_eq!(event["fields"]["outcome"], "not_found");
        assert_eq!(event["fields"]["reason"], reason);
    }
}

#[tokio::test]
async fn similar_id_is_suggested() {
    let (explanation, _) = explained(&app(), "sessionId=Console").await;
    assert_eq!(explanation["reason"], "unknown");
    let suggestion = &explanation["did_you_mean"][0];
    assert_eq!(suggestion["session_id"], "console");
    assert_eq!(suggestion["store"], "by_hand");
}

#[tokio::test]
async fn failing_store_is_part_of_the_explanation() {
    let down = ScriptedStore::always(Reply::Fail(StoreErrorKind::Unavailable));
    let app = explaining(resolver([("agents", down)]));
    let (explanation, event) = explained(&app, "sessionId=console").await;
    assert_eq!(explanation["outcome"], "error");
    let error = "scripted: the store cannot be reached";
    assert_eq!(explanation["stores"][0]["error"], error);
    assert_eq!(event["level"], "INFO");
    assert_eq!(event["fields"]["outcome"], "error");
    assert_eq!(
        event["fields"]["error"],
        format!("the store \"agents\" failed: {error}")
    );
}

#[tokio::test]
async fn malformed_query_is_400_with_its_parameter() {
    for (query, parameter) in [
        ("", "sessionId"),
        ("?", "sessionId"),
        ("?session=console", "sessionId"),
        ("?sessionId=", "sessionId"),
        ("?sessionId=console&sessionId=console", "sessionId"),
        ("?sessionId=console&transport=http", "transport"),
        ("?sessionId=%zz", "sessionId"),
        ("?sessionId=%ff", "sessionId"),
    ] {
        let (log, _guard) = Log::of_this_thread(Level::INFO);
        let answer = ask(&app(), "GET", &format!("/explain{query}")).await;
        let problem = answer.problem(400, "malformed_request");
        assert_eq!(problem["parameter"], parameter, "{query}");
        assert_eq!(
            event(&log, &answer),
            json!({"level": "WARN", "fields": {
                "outcome": "malformed", "reason": "malformed_request",
                "principal": "loopback", "caller": "127.0.0.1", "status": 400,
            }})
        );
    }
}

#[tokio::test]
async fn accept_of_plain_text_gets_text() {
    let app = app();
    let ask = async |accept: &[(&str, &str)]| {
        ask_from(
            &app,
            Some("[::1]:5"),
            "GET",
            "/explain?sessionId=Console",
            accept,
        )
        .await
    };
    for accept in [
        "text/plain",
        "Text/Plain;q=0.9, */*;q=0.8",
        "text/html,text/plain",
        "text/*",
        "text/plain, application/json;q=0.9",
    ] {
        let answer = ask(&[("accept", accept)]).await;
        assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
        assert_eq!(
            answer.body,
            "session \"Console\" over HTTP, client unknown, at 2030-01-01T00:00:00Z\n  \
             store agents: holds no such session\n  \
             store by_hand: holds no such session\n\
             not found (unknown): no session has this id\n\
             did you mean \"console\", with different capitalization? (store by_hand)\n"
        );
    }
    ask(&[]).await.json();
    for accept in [
        "*/*",
        "text/plainer",
        "text/plain, application/json",
        "text/plain;q=0, */*",
        "text/plain;q=0.9, */*",
        "text/plain;q=0.5, application/json;q=0.6",
    ] {
        ask(&[("accept", accept)]).await.json();
    }
}

#[tokio::test]
async fn text_from_outside_is_escaped() {
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    let app = explaining(Resolver::new(Forging));
    let uri = "/explain?sessionId=a%E2%80%AEb";
    let answer = ask_from(
        &app,
        Some("[::1]:5"),
        "GET",
        uri,
        &[("accept", "text/plain")],
    )
    .await;
    assert!(
        answer.body.contains(r#"session "a\u{202e}b""#),
        "{}",
        answer.body
    );
    assert!(answer.body.contains(r"says \u{1b}[2J\r"), "{}", answer.body);
    let event = event(&log, &answer);
    assert_eq!(event["fields"]["session_id"], r"a\u{202e}b");
    let error = event["fields"]["error"].as_str().unwrap();
    assert!(error.ends_with(r"says \u{1b}[2J\r"), "{error}");
}

/// A store whose driver puts control characters into its errors.
#[derive(Debug)]
struct Forging;

#[dcv_resolver_core::async_trait]
impl SessionStore for Forging {
    async fn lookup(&self, _: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let error = StoreError::new("forging", StoreErrorKind::Other);
        Err(error.with_source("says \u{1b}[2J\r"))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn hanging_store_is_a_timeout_after_5_s() {
    let app = explaining(Resolver::new(SwitchStore::new(Mode::Hangs)));
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    let began = tokio::time::Instant::now();
    let answer = ask(&app, "GET", "/explain?sessionId=console").await;
    assert_eq!(began.elapsed().as_millis(), 5_000);
    answer.problem(503, "timeout");
    assert_eq!(answer.headers["retry-after"], "1");
    let event = event(&log, &answer);
    assert_eq!(event["level"], "WARN");
    assert_eq!(event["fields"]["outcome"], "failed");
    assert_eq!(event["fields"]["session_id"], "console");
}

/// Looks up at once, and never ends a listing.
#[derive(Debug)]
struct Endless;

#[dcv_resolver_core::async_trait]
impl SessionStore for Endless {
    async fn lookup(&self, _: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        Ok(None)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[dcv_resolver_core::async_trait]
impl SessionListing for Endless {
    async fn list(&self, _: Option<&PageToken>, _: NonZeroUsize) -> Result<Page, ListError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn search_for_similar_ids_ends_after_half_of_the_time() {
    let resolver = Resolver::new(Endless);
    let readiness = Readiness::new(&resolver);
    let explainer = Explainer::new(resolver).with_listing("store", Arc::new(Endless));
    let app = OpsBuilder::new(explainer, readiness).build();
    let began = tokio::time::Instant::now();
    let (explanation, _event) = explained(&app, "sessionId=console").await;
    assert_eq!(began.elapsed().as_millis(), 2_500);
    assert_eq!(explanation["reason"], "unknown");
    assert_eq!(explanation["search_truncated"], true);
}

#[tokio::test(start_paused = true)]
async fn explanations_beyond_1_at_once_wait_and_beyond_8_are_refused() {
    let store = SwitchStore::new(Mode::Answers).with_latency(Duration::from_secs(2));
    let app = explaining(Resolver::new(store));
    let began = tokio::time::Instant::now();
    let asking = (0..12).map(|_| async {
        // An id without other spellings, which would be looked up.
        let answer = ask(&app, "GET", "/explain?sessionId=1").await;
        if began.elapsed().is_zero() {
            answer.problem(503, "overloaded");
            assert_eq!(answer.headers["retry-after"], "1");
        }
        (answer.status, began.elapsed().as_secs())
    });
    let mut answers = futures_util::future::join_all(asking).await;
    answers.sort_unstable();
    let of = |answer, count| std::iter::repeat_n(answer, count);
    let expected: Vec<_> = of((200, 2), 1)
        .chain(of((200, 4), 1))
        .chain(of((503, 0), 4))
        .chain(of((503, 5), 6))
        .collect();
    assert_eq!(answers, expected);
    assert_eq!(ask(&app, "GET", "/explain?sessionId=1").await.status, 200);
}

#[tokio::test]
async fn panic_in_a_store_fails_one_request() {
    let app = explaining(Resolver::new(ScriptedStore::sequence(
        [Reply::Panic],
        Reply::Absent,
    )));
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    let answer = ask(&app, "GET", "/explain?sessionId=console").await;
    let problem = answer.problem(500, "internal_error");
    assert!(!problem.to_string().contains("script"), "{problem}");
    let event = event(&log, &answer);
    assert_eq!(event["fields"]["error"], "panicked: the script says so");
    assert_eq!(
        ask(&app, "GET", "/explain?sessionId=console").await.status,
        200
    );
}

#[tokio::test]
async fn explanation_is_not_counted_as_a_decision() {
    let app = OpsBuilder::new(explainer(), readiness())
        .metrics(Metrics::new())
        .build();
    let (_, event) = explained(&app, "sessionId=console").await;
    assert_eq!(event["fields"]["outcome"], "found");
    let metrics = ask(&app, "GET", "/metrics").await.body;
    let decisions = metrics
        .lines()
        .filter(|line| line.starts_with("dcv_resolver_decisions_total{"));
    assert!(
        decisions.clone().count() > 0 && decisions.clone().all(|line| line.ends_with(" 0")),
        "{metrics}"
    );
}
