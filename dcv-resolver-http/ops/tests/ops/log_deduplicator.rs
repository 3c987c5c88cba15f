//! Decisions that repeat.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::Method;
use dcv_resolver_core::testing::{Reply, ScriptedStore};
use dcv_resolver_core::{SessionId, SessionRecord, StoreError, StoreErrorKind};
use dcv_resolver_http::{ResolveService, ResolveServiceBuilder};
use dcv_resolver_ops::LogDeduplicator;
use dcv_resolver_test_support::log::Log;
use futures_util::poll;
use serde_json::{Value, json};
use tokio::time::sleep;
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::gateway::{CONSOLE, FnStore, memory, over, post, replying, request, send};
use crate::store::resolver;

const WINDOW: Duration = Duration::from_secs(10);
const MOMENT: Duration = Duration::from_millis(1);

fn deduplicated_for(window: Duration, service: ResolveServiceBuilder) -> Router {
    service
        .without_log()
        .observer(LogDeduplicator::new(window))
        .router()
}

fn deduplicated(service: ResolveServiceBuilder) -> Router {
    deduplicated_for(WINDOW, service)
}

fn unavailable() -> Reply {
    Reply::Fail(StoreErrorKind::Unavailable)
}

/// An event as its outcome, its reason and how many others it stands for.
type Line = (String, String, u64);

fn line(outcome: &str, reason: &str, suppressed: u64) -> Line {
    (outcome.to_owned(), reason.to_owned(), suppressed)
}

fn lines(log: &Log) -> Vec<Line> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    log.take()
        .iter()
        .map(|event| &event["fields"])
        .map(|fields| {
            (
                text(&fields["outcome"]),
                text(&fields["reason"]),
                fields["suppressed"].as_u64().unwrap_or(0),
            )
        })
        .collect()
}

async fn ask(app: &Router, times: usize) {
    for _ in 0..times {
        post(app, CONSOLE).await;
    }
}

#[tokio::test(start_paused = true)]
async fn repeated_failure_leaves_two_events_a_window() {
    let app = deduplicated(replying(unavailable()));
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    for _ in 0..3 {
        ask(&app, 1).await;
        assert_eq!(lines(&log), [line("error", "store_unavailable", 0)]);
        ask(&app, 998).await;
        sleep(WINDOW - MOMENT).await;
        ask(&app, 1).await;
        assert_eq!(lines(&log), []);
        sleep(2 * MOMENT).await;
        assert_eq!(lines(&log), [line("error", "store_unavailable", 999)]);
    }
}

#[tokio::test(start_paused = true)]
async fn summary_has_the_fields_of_the_failure_and_no_span() {
    let resolver = resolver([("inventory", ScriptedStore::always(unavailable()))]);
    let app = deduplicated(ResolveService::builder(resolver));
    let (log, _guard) = Log::of_this_thread(Level::DEBUG);
    ask(&app, 4).await;
    let first = log.take().remove(0);
    assert_eq!(first["span"]["name"], "resolve");

    sleep(WINDOW + MOMENT).await;
    let mut events = log.take();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["target"], "dcv_resolver::decision");
    assert_eq!(events[0]["level"], "ERROR");
    assert_eq!(events[0].get("span"), None);
    let fields = events[0]["fields"].as_object_mut().unwrap();
    assert!(fields.remove("window_ms").unwrap().as_u64().unwrap() >= 10_000);
    assert_eq!(
        events[0]["fields"],
        json!({
            "message": "identical failures suppressed", "outcome": "error",
            "reason": "store_unavailable", "store": "inventory",
            "error": "the store \"inventory\" failed: scripted: the store cannot be reached",
            "session_ids": "[\"console\"]", "suppressed": 3,
        })
    );
}

#[tokio::test(start_paused = true)]
async fn failure_that_does_not_repeat_has_no_summary() {
    let store = ScriptedStore::sequence([unavailable()], Reply::Absent);
    let app = deduplicated(over(store));
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    ask(&app, 1).await;
    sleep(WINDOW + MOMENT).await;
    ask(&app, 1).await;
    drop(app);
    assert_eq!(
        lines(&log),
        [
            line("error", "store_unavailable", 0),
            line("not_found", "unknown", 0)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn summary_is_logged_when_the_service_is_dropped() {
    let app = deduplicated(replying(unavailable()));
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    ask(&app, 8).await;
    drop(app);
    assert_eq!(
        lines(&log),
        [
            line("error", "store_unavailable", 0),
            line("error", "store_unavailable", 7)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn decision_about_a_session_is_always_logged() {
    let app = deduplicated(over(memory()));
    let hanging = deduplicated(replying(Reply::Hang));
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    for _ in 0..20 {
        post(&app, CONSOLE).await;
        post(&app, "/resolveSession?sessionId=other").await;
        let mut abandoned = Box::pin(post(&hanging, CONSOLE));
        assert!(poll!(abandoned.as_mut()).is_pending());
    }
    let logged = lines(&log);
    assert_eq!(logged.len(), 60);
    assert!(logged.iter().all(|(_, _, suppressed)| *suppressed == 0));
}

#[tokio::test(start_paused = true)]
async fn failures_with_different_errors_have_windows_of_their_own() {
    let replies = [
        unavailable(),
        Reply::Fail(StoreErrorKind::AccessDenied),
        Reply::Fail(StoreErrorKind::CorruptRecord),
        Reply::Panic,
        Reply::Hang,
    ];
    let twice = replies.iter().chain(&replies).cloned().collect::<Vec<_>>();
    let app = deduplicated(over(ScriptedStore::sequence(twice, Reply::Absent)));
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    ask(&app, 5).await;
    assert_eq!(log.take().len(), 5);
    ask(&app, 5).await;
    assert_eq!(log.take().len(), 0);
    drop(app);
    let suppressed: Vec<_> = lines(&log).iter().map(|line| line.2).collect();
    assert_eq!(suppressed, [1; 5]);
}

#[tokio::test(start_paused = true)]
async fn same_failure_of_two_stores_has_two_windows() {
    let first = ScriptedStore::sequence([unavailable(), Reply::Absent], unavailable());
    let second = ScriptedStore::always(unavailable());
    let resolver = resolver([("first", first), ("second", second)]);
    let app = deduplicated(ResolveService::builder(resolver));
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    ask(&app, 3).await;
    let events = log.take();
    let stores = events.iter().map(|event| &event["fields"]["store"]);
    assert_eq!(stores.collect::<Vec<_>>(), ["first", "second"]);
}

#[tokio::test(start_paused = true)]
async fn refusals_are_deduplicated_for_each_caller() {
    let app = deduplicated(over(memory()).allowed_callers(vec![]));
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    for _ in 0..3 {
        for caller in ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"] {
            send(&app, request(caller, CONSOLE)).await;
        }
    }
    let events = log.take();
    let callers = events.iter().map(|event| &event["fields"]["caller"]);
    assert_eq!(callers.collect::<Vec<_>>(), ["192.0.2.1", "192.0.2.2"]);
    drop(app);
    let mut summaries: Vec<_> = log
        .take()
        .iter()
        .map(|event| {
            assert_eq!(event["level"], "WARN");
            let fields = &event["fields"];
            (fields["caller"].clone(), fields["suppressed"].clone())
        })
        .collect();
    summaries.sort_by_key(|(caller, _)| caller.to_string());
    assert_eq!(
        summaries,
        [
            (json!("192.0.2.1"), json!(5)),
            (json!("192.0.2.2"), json!(2))
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn malformed_requests_are_deduplicated_for_each_reason_and_caller() {
    let app = deduplicated(over(memory()));
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    let long = format!("/resolveSession?sessionId={}", "x".repeat(10_000));
    for _ in 0..3 {
        for target in ["/elsewhere", "/resolveSession", &long] {
            send(&app, request("192.0.2.1", target)).await;
        }
        let mut get = request("192.0.2.1", CONSOLE);
        *get.method_mut() = Method::GET;
        send(&app, get).await;
        send(&app, request("192.0.2.2", "/elsewhere")).await;
    }
    let reasons = [
        "no_such_path",
        "malformed_request",
        "uri_too_long",
        "method_not_allowed",
        "no_such_path",
    ];
    assert_eq!(
        lines(&log),
        reasons.map(|reason| line("malformed", reason, 0))
    );
    sleep(WINDOW + MOMENT).await;
    let mut summaries = lines(&log);
    summaries.sort();
    let mut expected = reasons.map(|reason| line("malformed", reason, 2));
    expected.sort();
    assert_eq!(summaries, expected);
}

#[tokio::test(start_paused = true)]
async fn flood_of_malformed_requests_from_many_callers_is_bounded() {
    let app = deduplicated(over(memory()));
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    for caller in 0..=255_u8 {
        for target in ["/elsewhere", "/resolveSession"] {
            send(&app, request(&format!("192.0.2.{caller}"), target)).await;
        }
    }
    // One more for all other callers, for each reason.
    assert_eq!(log.take().len(), 64 + 2);
    sleep(WINDOW + MOMENT).await;
    let suppressed: u64 = lines(&log).iter().map(|line| line.2).sum();
    assert_eq!(suppressed, 2 * 256 - 66);
}

#[tokio::test(start_paused = true)]
async fn overloaded_is_deduplicated_for_all_callers() {
    let app = deduplicated(replying(Reply::Hang).max_in_flight(1));
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    let mut in_flight = Box::pin(post(&app, CONSOLE));
    assert!(poll!(in_flight.as_mut()).is_pending());
    for caller in ["192.0.2.1", "192.0.2.2"] {
        send(&app, request(caller, CONSOLE)).await;
    }
    assert_eq!(lines(&log), [line("refused", "overloaded", 0)]);
}

/// The session ids in the summary of an outage.
async fn summarized_ids(ids: impl IntoIterator<Item = String>) -> String {
    let app = deduplicated(replying(unavailable()));
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    post(&app, "/resolveSession?sessionId=first").await;
    for id in ids {
        post(&app, &format!("/resolveSession?sessionId={id}")).await;
    }
    drop(app);
    let summary = log.take().remove(1);
    summary["fields"]["session_ids"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test(start_paused = true)]
async fn summary_names_the_last_session_ids_once_each() {
    let ids = ["ann", "bob", "ann"].map(str::to_owned);
    assert_eq!(summarized_ids(ids).await, r#"["bob", "ann"]"#);
    let ids = summarized_ids((0..1000).map(|number| number.to_string())).await;
    let ids: Vec<String> = serde_json::from_str(&ids).unwrap();
    let last: Vec<_> = (980..1000).map(|number| number.to_string()).collect();
    assert_eq!(ids, last);
}

#[tokio::test(start_paused = true)]
async fn summary_quotes_and_escapes_session_ids() {
    let ids = ["a%22,%20%22b", "%e2%80%aec"].map(str::to_owned);
    assert_eq!(summarized_ids(ids).await, r#"["a\", \"b", "\\u{202e}c"]"#);
}

#[tokio::test(start_paused = true)]
async fn suppressed_decisions_are_logged_at_level_debug() {
    let app = deduplicated(replying(unavailable()));
    let (log, _guard) = Log::of_this_thread(Level::DEBUG);
    for id in ["ann", "bob"] {
        post(&app, &format!("/resolveSession?sessionId={id}")).await;
        post(&app, &format!("/elsewhere/{id}")).await;
    }
    let decisions: Vec<_> = log
        .take()
        .iter()
        .filter(|event| event["target"] == "dcv_resolver::decision")
        .map(|event| {
            (
                event["level"].clone(),
                event["fields"]["session_id"].clone(),
            )
        })
        .collect();
    let expected = [
        (json!("ERROR"), json!("ann")),
        (json!("WARN"), Value::Null),
        (json!("DEBUG"), json!("bob")),
        (json!("DEBUG"), Value::Null),
    ];
    assert_eq!(decisions, expected);
}

/// Fails with another text each time.
fn always_another_error() -> impl Fn(&SessionId) -> Result<Option<SessionRecord>, StoreError> {
    let count = AtomicUsize::new(0);
    move |_: &SessionId| {
        let count = count.fetch_add(1, Ordering::SeqCst);
        Err(StoreError::new("test", StoreErrorKind::Unavailable)
            .with_source(format!("connection {count}")))
    }
}

#[tokio::test(start_paused = true)]
async fn flood_of_different_errors_is_bounded_and_counted() {
    let app = deduplicated(over(FnStore(always_another_error())));
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    ask(&app, 10_000).await;
    assert_eq!(log.take().len(), 65);

    sleep(WINDOW + MOMENT).await;
    let events = log.take();
    assert_eq!(events.len(), 1, "{events:#?}");
    let fields = &events[0]["fields"];
    assert_eq!(
        fields["message"],
        "similar failures suppressed; errors varied"
    );
    assert_eq!(fields["suppressed"], 10_000 - 65);
    assert_eq!(fields.get("error"), None);
    // There is room for others again.
    ask(&app, 1).await;
    assert_eq!(lines(&log), [line("error", "store_unavailable", 0)]);
}

#[tokio::test(start_paused = true)]
async fn failure_from_before_a_flood_keeps_its_own_window() {
    let flood = always_another_error();
    let store = FnStore(move |id: &SessionId| {
        if id.as_str() == "console" {
            return Err(StoreError::new("steady", StoreErrorKind::Unavailable));
        }
        flood(id)
    });
    let app = deduplicated(over(store));
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    ask(&app, 1).await;
    for _ in 0..100 {
        post(&app, "/resolveSession?sessionId=other").await;
    }
    ask(&app, 7).await;
    let _ = log.take();
    drop(app);
    let mut suppressed: Vec<_> = lines(&log).iter().map(|line| line.2).collect();
    suppressed.sort_unstable();
    // 63 of the flood had windows of their own, one more opened that of the rest.
    assert_eq!(suppressed, [7, 100 - 63 - 1]);
}

#[tokio::test(start_paused = true)]
async fn window_of_zero_logs_every_failure() {
    let app = deduplicated_for(Duration::ZERO, replying(Reply::Hang));
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    tokio::join!(ask(&app, 1), ask(&app, 1), ask(&app, 1));
    drop(app);
    assert_eq!(lines(&log), vec![line("error", "timeout", 0); 3]);
}

#[tokio::test(start_paused = true)]
async fn each_window_ends_at_its_own_time() {
    let kinds = [Reply::Panic, unavailable()];
    let twice = kinds
        .iter()
        .flat_map(|reply| [reply.clone(), reply.clone()]);
    let app = deduplicated(over(ScriptedStore::sequence(twice, Reply::Absent)));
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    ask(&app, 2).await;
    sleep(WINDOW / 2).await;
    ask(&app, 2).await;
    let _ = log.take();
    for reason in ["internal_error", "store_unavailable"] {
        sleep(WINDOW / 2 + MOMENT).await;
        assert_eq!(lines(&log), [line("error", reason, 1)]);
    }
}

#[tokio::test(start_paused = true)]
async fn longest_window_of_all_is_possible() {
    let app = deduplicated_for(Duration::MAX, replying(unavailable()));
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    ask(&app, 5).await;
    sleep(Duration::from_secs(86_400)).await;
    ask(&app, 5).await;
    assert_eq!(log.take().len(), 1);
    drop(app);
    assert_eq!(lines(&log), [line("error", "store_unavailable", 9)]);
}

#[tokio::test(start_paused = true)]
async fn suppressed_failure_leaves_other_events_of_a_filtered_layer_alone() {
    let without_decisions = Targets::new()
        .with_default(Level::INFO)
        .with_target("dcv_resolver::decision", LevelFilter::OFF);
    let (others, all) = (Log::new(), Log::new());
    let to_others = fmt::layer().json().with_writer(others.clone());
    let to_all = fmt::layer().json().with_writer(all.clone());
    let _guard = tracing_subscriber::registry()
        .with(to_others.with_filter(without_decisions))
        .with(to_all.with_filter(LevelFilter::INFO))
        .set_default();

    let app = deduplicated(replying(unavailable()));
    for _ in 0..3 {
        ask(&app, 1).await;
        tracing::info!("something else");
    }
    assert_eq!(all.take().len(), 1 + 3);
    assert_eq!(others.take().len(), 3);
}
