//! Lines that are written together, and before their requests are answered.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use dcv_resolver_core::{Expiry, MemoryStore, Resolver, SessionRecord};
use dcv_resolver_http::json_log::JsonLines;
use dcv_resolver_http::{DecisionLines, ResolveService, ResolveServiceBuilder, axum};
use futures_util::FutureExt;
use futures_util::future::join_all;
use futures_util::stream::pending;
use serde_json::Value;
use tokio::task::yield_now;
use tower::ServiceExt;
use tracing::dispatcher::DefaultGuard;
use tracing::instrument::WithSubscriber;
use tracing::{Dispatch, info};
use tracing_subscriber::layer::SubscriberExt;

/// What was written, each call by itself.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

impl io::Write for Calls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock()
            .push(String::from_utf8(bytes.to_owned()).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Calls {
    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many lines each call has written.
    fn lines(&self) -> Vec<usize> {
        self.lock()
            .iter()
            .map(|call| call.lines().count())
            .collect()
    }

    fn events(&self) -> Vec<Value> {
        let all = self.lock().concat();
        let lines = all.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// It takes everything, as do those of the other tests: tracing remembers for
/// all of them what one of them does not want.
fn subscriber(lines: &DecisionLines) -> Dispatch {
    Dispatch::new(tracing_subscriber::registry().with(JsonLines::new(lines.clone())))
}

/// What is written of this thread's events, until the guard is dropped.
fn logged() -> (Calls, DecisionLines, DefaultGuard) {
    let calls = Calls::default();
    let lines = DecisionLines::new(calls.clone());
    let guard = tracing::dispatcher::set_default(&subscriber(&lines));
    (calls, lines, guard)
}

fn service(lines: &DecisionLines) -> ResolveService {
    builder(lines).service()
}

fn builder(lines: &DecisionLines) -> ResolveServiceBuilder {
    let host = "ws-17.dcv.example".parse().unwrap();
    let record = SessionRecord::builder("console".parse().unwrap(), host, Expiry::Never)
        .http_port(8443)
        .build()
        .unwrap();
    let store = MemoryStore::new();
    store.insert(record);
    ResolveServiceBuilder::new(Resolver::new(store)).decision_lines(lines.clone())
}

async fn ask(service: &ResolveService, session: &str, request_id: &str) -> StatusCode {
    let target = format!("/resolveSession?sessionId={session}&transport=HTTP");
    let request = Request::post(target).header("x-request-id", request_id);
    let request = request.body(Body::empty()).unwrap();
    service.clone().oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn requests_that_are_decided_together_are_answered_after_one_write() {
    let (calls, lines, _default) = logged();
    let service = service(&lines);

    // Misses as well as destinations.
    let asking = ["console", "absent", "console"].map(async |session| {
        let status = ask(&service, session, session).await;
        assert_eq!(status == StatusCode::OK, session == "console");
        // By the time of the answer.
        let mut events = calls.events().into_iter();
        events.any(|event| event["request_id"] == session)
    });
    assert_eq!(join_all(asking).await, [true; 3]);
    assert_eq!(calls.lines(), [3]);
}

/// On several threads, and with far more lines than there are in a write.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_request_is_answered_before_its_line_is_written() {
    let calls = Calls::default();
    let lines = DecisionLines::new(calls.clone());
    let subscriber = subscriber(&lines);
    let service = service(&lines);
    let client = |client: usize| {
        let (calls, service) = (calls.clone(), service.clone());
        async move {
            for number in 0..50 {
                let id = format!("{client}-{number}");
                assert_eq!(ask(&service, "console", &id).await, StatusCode::OK);
                let quoted = format!("\"request_id\":\"{id}\"");
                let is_written = calls.lock().iter().any(|call| call.contains(&quoted));
                assert!(is_written, "{id}");
            }
        }
    };
    let clients =
        (0..20).map(|number| tokio::spawn(client(number).with_subscriber(subscriber.clone())));
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    assert_eq!(calls.events().len(), 1_000);
}

#[tokio::test]
async fn a_request_that_is_alone_is_answered_after_its_line() {
    let (calls, lines, _default) = logged();
    let service = service(&lines);
    for written in 1..=3 {
        assert_eq!(ask(&service, "console", "alone").await, StatusCode::OK);
        assert_eq!(calls.lines(), vec![1; written]);
    }
}

#[tokio::test]
async fn a_body_that_does_not_end_holds_no_line_back() {
    let (calls, lines, _default) = logged();
    let body = Body::from_stream(pending::<io::Result<&[u8]>>());
    let request = Request::post("/resolveSession?sessionId=console&transport=HTTP");
    let mut asking = service(&lines).oneshot(request.body(body).unwrap());
    for _ in 0..3 {
        assert!((&mut asking).now_or_never().is_none());
        yield_now().await;
    }
    assert_eq!(calls.lines(), [1]);
}

#[tokio::test]
async fn who_waits_for_his_line_takes_no_place_of_another() {
    let lines = DecisionLines::new(io::sink());
    let _default = tracing::dispatcher::set_default(&subscriber(&lines));
    let service = builder(&lines).max_in_flight(1).service();
    let both = [0, 1].map(|_| ask(&service, "console", "one-by-one"));
    assert_eq!(join_all(both).await, [StatusCode::OK; 2]);
}

#[tokio::test]
async fn other_events_are_written_at_once_and_in_order() {
    let (calls, lines, _default) = logged();
    let service = service(&lines);

    let mut asking = Box::pin(ask(&service, "console", "waits"));
    assert!(asking.as_mut().now_or_never().is_none());
    assert!(calls.lines().is_empty());
    // Though it looks like one.
    info!(target: "dcv_resolver::decision", "another");
    assert_eq!(calls.lines(), [2]);
    assert_eq!(calls.events()[0]["request_id"], "waits");
    assert_eq!(calls.events()[1]["message"], "another");
    assert_eq!(asking.await, StatusCode::OK);
    assert_eq!(calls.lines(), [2]);
}

#[tokio::test]
async fn the_line_of_a_caller_who_goes_away_is_written_all_the_same() {
    let (calls, lines, _default) = logged();
    let service = service(&lines);

    let mut asking = Box::pin(ask(&service, "console", "gone"));
    assert!(asking.as_mut().now_or_never().is_none());
    drop(asking);
    assert_eq!(calls.events()[0]["request_id"], "gone");
}

#[tokio::test]
async fn a_router_that_was_not_given_them_gathers_nothing() {
    let (calls, _, _default) = logged();
    // It gathers in others.
    let service = service(&DecisionLines::new(io::sink()));
    let asking = ask(&service, "console", "at-once").now_or_never();
    assert_eq!(asking, Some(StatusCode::OK));
    assert_eq!(calls.events()[0]["request_id"], "at-once");
}

/// So that no other process writes in between where the log is a pipe.
#[tokio::test]
async fn a_write_is_of_whole_lines_and_of_no_more_than_4096_bytes() {
    let (calls, lines, _default) = logged();
    let service = service(&lines);
    join_all((0..100).map(|_| ask(&service, "console", "together"))).await;
    let longest = calls.lock().iter().map(String::len).max().unwrap();
    assert!((3_500..=4096).contains(&longest), "{longest} bytes");
    assert_eq!(calls.events().len(), 100);
    calls.lock().clear();

    let long = "x".repeat(10_000);
    join_all([
        ask(&service, "console", "before").boxed_local(),
        async { info!(long) }.map(|()| StatusCode::OK).boxed_local(),
    ])
    .await;
    assert_eq!(calls.lines(), [1, 1]);
    assert_eq!(calls.events()[1]["long"], long);
}

#[tokio::test]
async fn a_log_that_cannot_be_written_ends_no_request() {
    struct Full;

    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let lines = DecisionLines::new(Full);
    let _default = tracing::dispatcher::set_default(&subscriber(&lines));
    let service = service(&lines);
    for _ in 0..3 {
        assert_eq!(ask(&service, "console", "full").await, StatusCode::OK);
    }
}
