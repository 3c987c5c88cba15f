//! Failures that repeat.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use dcv_resolver_core::testing::{Reply, ScriptedStore};
use dcv_resolver_core::{
    MemoryStore, Resolver, SessionId, SessionRecord, StoreError, StoreErrorKind,
};
use dcv_resolver_http::ResolveServiceBuilder;
use futures_util::poll;
use serde_json::json;
use tracing::Level;
use tracing::instrument::WithSubscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::support::{CONSOLE, Log, Saying, memory, over, post, replying, request, send};

const WINDOW: Duration = Duration::from_secs(10);
const MILLISECOND: Duration = Duration::from_millis(1);

fn unavailable() -> Reply {
    Reply::Fail(StoreErrorKind::Unavailable)
}

fn line(outcome: &str, reason: &str, repeated: u64) -> (String, String, u64) {
    (outcome.to_owned(), reason.to_owned(), repeated)
}

async fn ask(app: &Router, times: usize) {
    for _ in 0..times {
        post(app, CONSOLE).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_repeats_is_two_lines_a_window() {
    let app = replying(unavailable()).build();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    for round in 0..3 {
        let summary = (round > 0).then(|| line("error", "store_unavailable", 999));
        ask(&app, 1).await;
        let first = line("error", "store_unavailable", 0);
        let expected: Vec<_> = summary.into_iter().chain([first]).collect();
        assert_eq!(log.short(), expected);

        ask(&app, 998).await;
        tokio::time::advance(WINDOW - MILLISECOND).await;
        ask(&app, 1).await;
        assert_eq!(log.short(), []);
        tokio::time::advance(MILLISECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_summary_says_what_it_is_about_and_belongs_to_no_request() {
    let resolver = Resolver::new(ScriptedStore::always(unavailable())).with_store_name("inventory");
    let app: Router = ResolveServiceBuilder::new(resolver).build();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    ask(&app, 4).await;
    let first = log.events().remove(0);
    assert_eq!(first["span"]["name"], "resolve");

    tokio::time::advance(WINDOW).await;
    post(&app, "/elsewhere").await;
    let events = log.events();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["target"], "dcv_resolver::decision");
    assert_eq!(events[0]["level"], "ERROR");
    assert_eq!(events[0].get("span"), None);
    assert_eq!(
        events[0]["fields"],
        json!({
            "message": "the same again, several times", "outcome": "error",
            "reason": "store_unavailable", "store": "inventory",
            "error": "scripted: the store cannot be reached", "repeated": 3, "window_ms": 10_000,
        })
    );
    assert_eq!(events[1]["fields"]["reason"], "no_such_path");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_window_is_told_by_the_next_decision_of_any_kind() {
    let store = || {
        Saying(|id: &SessionId| match id.as_str() {
            "broken" => Err(StoreError::new("test", StoreErrorKind::Unavailable)),
            _ => Ok(None),
        })
    };
    for (uri, outcome) in [
        ("/resolveSession?sessionId=absent", "miss"),
        ("/resolveSession", "malformed"),
        ("/elsewhere", "malformed"),
    ] {
        let app = over(store()).build();
        let (log, _guard) = Log::of_this_thread(Level::INFO);
        for _ in 0..3 {
            post(&app, "/resolveSession?sessionId=broken").await;
        }
        tokio::time::advance(WINDOW).await;
        log.events();
        post(&app, uri).await;
        let told = log.short();
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(told[0], line("error", "store_unavailable", 2));
        assert_eq!(told[1].0, outcome);
    }
}

#[tokio::test(start_paused = true)]
async fn what_happened_once_has_no_second_line() {
    let store = ScriptedStore::sequence([unavailable()], Reply::Absent);
    let app = over(store).build();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    ask(&app, 1).await;
    tokio::time::advance(WINDOW).await;
    ask(&app, 1).await;
    drop(app);
    assert_eq!(
        log.short(),
        [
            line("error", "store_unavailable", 0),
            line("miss", "unknown", 0)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_router_tells_what_was_counted() {
    let app = replying(unavailable()).build();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    ask(&app, 8).await;
    drop(app);
    assert_eq!(
        log.short(),
        [
            line("error", "store_unavailable", 0),
            line("error", "store_unavailable", 7)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn whatever_is_no_failure_leaves_an_event_each_time() {
    let app = over(memory()).build();
    let hanging = replying(Reply::Hang).build();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    for _ in 0..20 {
        post(&app, CONSOLE).await;
        post(&app, "/resolveSession?sessionId=other").await;
        post(&app, "/resolveSession").await;
        post(&app, "/elsewhere").await;
        let mut abandoned = Box::pin(post(&hanging, CONSOLE));
        assert!(poll!(abandoned.as_mut()).is_pending());
    }
    let told = log.short();
    assert_eq!(told.len(), 100);
    assert!(told.iter().all(|(_, _, repeated)| *repeated == 0));
}

#[tokio::test(start_paused = true)]
async fn different_failures_are_not_folded_into_one() {
    let replies = [
        unavailable(),
        Reply::Fail(StoreErrorKind::AccessDenied),
        Reply::Fail(StoreErrorKind::CorruptRecord),
        Reply::Panic,
        Reply::Hang,
    ];
    let twice = replies.iter().chain(&replies).cloned().collect::<Vec<_>>();
    let app = over(ScriptedStore::sequence(twice, Reply::Absent)).build();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    ask(&app, 5).await;
    assert_eq!(log.events().len(), 5);
    ask(&app, 5).await;
    assert_eq!(log.events().len(), 0);
    drop(app);
    assert!(log.short().iter().all(|(_, _, repeated)| *repeated == 1));
}

#[tokio::test(start_paused = true)]
async fn the_same_failure_of_two_stores_is_two_failures() {
    let first = ScriptedStore::sequence([unavailable(), Reply::Absent], unavailable());
    let resolver = Resolver::new(first)
        .with_store_name("first")
        .then("second", ScriptedStore::always(unavailable()));
    let app: Router = ResolveServiceBuilder::new(resolver).build();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    ask(&app, 3).await;
    let stores: Vec<_> = log
        .events()
        .iter()
        .map(|event| event["fields"]["store"].clone())
        .collect();
    assert_eq!(stores, ["first", "second"]);
}

#[tokio::test(start_paused = true)]
async fn refusals_are_folded_for_each_caller() {
    let app = over(memory()).allowed_callers([]).build();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    for _ in 0..3 {
        for caller in ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"] {
            send(&app, request(caller, CONSOLE)).await;
        }
    }
    let told: Vec<_> = log
        .events()
        .iter()
        .map(|event| event["fields"]["caller"].clone())
        .collect();
    assert_eq!(told, ["192.0.2.1", "192.0.2.2"]);
    drop(app);
    let mut told: Vec<_> = log
        .events()
        .iter()
        .map(|event| {
            assert_eq!(event["level"], "WARN");
            let fields = &event["fields"];
            (fields["caller"].clone(), fields["repeated"].clone())
        })
        .collect();
    told.sort_by_key(|(caller, _)| caller.to_string());
    assert_eq!(
        told,
        [
            (json!("192.0.2.1"), json!(5)),
            (json!("192.0.2.2"), json!(2))
        ]
    );
}

/// Fails with a text that is another each time.
fn never_twice_the_same() -> impl Fn(&SessionId) -> Result<Option<SessionRecord>, StoreError> {
    let count = AtomicUsize::new(0);
    move |_: &SessionId| {
        let count = count.fetch_add(1, Ordering::SeqCst);
        Err(StoreError::new("test", StoreErrorKind::Unavailable)
            .with_source(format!("connection {count}")))
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_failures_that_all_differ_is_bounded_too_and_none_is_lost() {
    let app = over(Saying(never_twice_the_same())).build();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    ask(&app, 10_000).await;
    let in_full = log.events();
    assert_eq!(in_full.len(), 65);

    tokio::time::advance(WINDOW).await;
    post(&app, "/elsewhere").await;
    let events = log.events();
    assert_eq!(events.len(), 2, "{events:#?}");
    let fields = &events[0]["fields"];
    assert_eq!(fields["message"], "the like again, with various errors");
    assert_eq!(fields["repeated"], 10_000 - 65);
    assert_eq!(fields.get("error"), None);
    // And there is room for others again.
    ask(&app, 1).await;
    assert_eq!(log.short(), [line("error", "store_unavailable", 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_was_there_before_the_flood_keeps_its_own_count() {
    let flood = never_twice_the_same();
    let store = Saying(move |id: &SessionId| {
        if id.as_str() == "console" {
            return Err(StoreError::new("steady", StoreErrorKind::Unavailable));
        }
        flood(id)
    });
    let app = over(store).build();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    ask(&app, 1).await;
    for _ in 0..100 {
        post(&app, "/resolveSession?sessionId=other").await;
    }
    ask(&app, 7).await;
    log.events();
    drop(app);
    let mut repeated: Vec<_> = log
        .events()
        .iter()
        .map(|event| event["fields"]["repeated"].as_u64().unwrap())
        .collect();
    repeated.sort_unstable();
    // 63 of the flood were told apart, one more stands for the rest.
    assert_eq!(repeated, [7, 100 - 63 - 1]);
}

#[tokio::test(start_paused = true)]
async fn with_no_window_each_leaves_an_event() {
    let app = replying(unavailable()).dedup_window(Duration::ZERO).build();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    ask(&app, 50).await;
    drop(app);
    assert_eq!(log.short(), vec![line("error", "store_unavailable", 0); 50]);
}

#[tokio::test(start_paused = true)]
async fn with_no_window_not_even_failures_of_one_moment_are_folded() {
    let app = replying(Reply::Hang).dedup_window(Duration::ZERO).build();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    tokio::join!(ask(&app, 1), ask(&app, 1), ask(&app, 1));
    assert_eq!(log.short(), vec![line("error", "timeout", 0); 3]);
}

#[tokio::test(start_paused = true)]
async fn windows_end_each_at_a_time_of_its_own() {
    let kinds = [Reply::Panic, Reply::Fail(StoreErrorKind::Unavailable)];
    let twice = kinds
        .iter()
        .flat_map(|reply| [reply.clone(), reply.clone()]);
    let app = over(ScriptedStore::sequence(twice, Reply::Absent)).build();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    ask(&app, 2).await;
    tokio::time::advance(WINDOW / 2).await;
    ask(&app, 2).await;
    log.events();
    for reason in ["internal_error", "store_unavailable"] {
        tokio::time::advance(WINDOW / 2).await;
        ask(&app, 1).await;
        let expected = [line("error", reason, 1), line("miss", "unknown", 0)];
        assert_eq!(log.short(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_longest_window_of_all_is_possible() {
    let app = replying(unavailable()).dedup_window(Duration::MAX).build();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    ask(&app, 5).await;
    tokio::time::advance(Duration::from_secs(86_400)).await;
    ask(&app, 5).await;
    assert_eq!(log.events().len(), 1);
    drop(app);
    assert_eq!(log.short(), [line("error", "store_unavailable", 9)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn none_is_lost_or_counted_twice_when_many_fail_at_once() {
    let store = Saying(never_twice_the_same());
    let (log, subscriber) = Log::with_subscriber(Level::INFO);
    let dispatch = tracing::Dispatch::new(subscriber);
    for store in [
        over(store),
        replying(unavailable()),
        over(MemoryStore::new()),
    ] {
        // Windows begin and end all the time.
        let app: Router = store.dedup_window(Duration::from_micros(50)).build();
        let asking = (0..8).map(|_| {
            let app = app.clone();
            tokio::spawn(async move { ask(&app, 500).await }.with_subscriber(dispatch.clone()))
        });
        for task in asking.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        tracing::dispatcher::with_default(&dispatch, || drop(app));
        let told: u64 = log
            .short()
            .iter()
            .map(|(_, _, repeated)| if *repeated == 0 { 1 } else { *repeated })
            .sum();
        assert_eq!(told, 4_000);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_counted_costs_a_layer_that_does_not_want_it_nothing_else() {
    let without_decisions = Targets::new()
        .with_default(Level::INFO)
        .with_target("dcv_resolver::decision", LevelFilter::OFF);
    let (others, all, _guard) = Log::filtered_and_all_of_this_thread(without_decisions);

    let app = replying(unavailable()).build();
    for _ in 0..3 {
        ask(&app, 1).await;
        tracing::info!("something else");
    }
    assert_eq!(all.events().len(), 1 + 3);
    assert_eq!(others.events().len(), 3);
}
