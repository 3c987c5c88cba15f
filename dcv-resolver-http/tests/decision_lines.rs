//! Lines that are written together, and before their requests are answered.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use dcv_resolver_core::{Expiry, MemoryStore, Resolver, SessionRecord};
use dcv_resolver_http::json_log::JsonLines;
use dcv_resolver_http::{DecisionLines, ResolveService, RouterBuilder, axum};
use futures_util::FutureExt;
use futures_util::future::join_all;
use serde_json::Value;
use tower::ServiceExt;
use tracing::{Dispatch, info, warn};
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

fn service(lines: &DecisionLines) -> ResolveService {
    let host = "ws-17.dcv.example".parse().unwrap();
    let record = SessionRecord::builder("console".parse().unwrap(), host, Expiry::Never)
        .http_port(8443)
        .build()
        .unwrap();
    let store = MemoryStore::new();
    store.insert(record);
    RouterBuilder::new(Resolver::new(store))
        .decision_lines(lines.clone())
        .service()
}

async fn ask(service: &ResolveService, session: &str, request_id: &str) -> StatusCode {
    let target = format!("/resolveSession?sessionId={session}&transport=HTTP");
    let request = Request::post(target).header("x-request-id", request_id);
    let request = request.body(Body::empty()).unwrap();
    service.clone().oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn requests_that_are_decided_together_are_answered_after_one_write() {
    let calls = Calls::default();
    let lines = DecisionLines::new(calls.clone());
    let _default = tracing::dispatcher::set_default(&subscriber(&lines));
    let service = service(&lines);
    let ids: Vec<_> = (0..20).map(|number| format!("request-{number}")).collect();

    let asking = ids.iter().map(async |id| {
        assert_eq!(ask(&service, "console", id).await, StatusCode::OK);
        // By the time of the answer.
        calls
            .events()
            .iter()
            .any(|event| event["request_id"] == **id)
    });
    assert_eq!(join_all(asking).await, vec![true; ids.len()]);
    assert_eq!(calls.lines(), [ids.len()]);
}

#[tokio::test]
async fn a_request_that_is_alone_is_answered_after_its_line() {
    let calls = Calls::default();
    let lines = DecisionLines::new(calls.clone());
    let _default = tracing::dispatcher::set_default(&subscriber(&lines));
    let service = service(&lines);
    for written in 1..=3 {
        assert_eq!(ask(&service, "console", "alone").await, StatusCode::OK);
        assert_eq!(calls.lines(), vec![1; written]);
    }
}

#[tokio::test]
async fn other_events_are_written_at_once_and_in_order() {
    let calls = Calls::default();
    let lines = DecisionLines::new(calls.clone());
    let _default = tracing::dispatcher::set_default(&subscriber(&lines));
    let service = service(&lines);

    let mut asking = Box::pin(ask(&service, "console", "waits"));
    assert!(asking.as_mut().now_or_never().is_none());
    assert!(calls.lines().is_empty());
    info!("another");
    assert_eq!(calls.lines(), [2]);
    assert_eq!(calls.events()[0]["request_id"], "waits");
    assert_eq!(calls.events()[1]["message"], "another");
    assert_eq!(asking.await, StatusCode::OK);

    // A miss is a warning, and so is written in the request's own turn.
    let missing = ask(&service, "absent", "missing").now_or_never();
    assert_eq!(missing, Some(StatusCode::NOT_FOUND));
    assert_eq!(calls.lines(), [2, 1]);
}

#[tokio::test]
async fn the_line_of_a_caller_who_goes_away_is_written_all_the_same() {
    let calls = Calls::default();
    let lines = DecisionLines::new(calls.clone());
    let _default = tracing::dispatcher::set_default(&subscriber(&lines));
    let service = service(&lines);

    let mut asking = Box::pin(ask(&service, "console", "gone"));
    assert!(asking.as_mut().now_or_never().is_none());
    drop(asking);
    assert_eq!(calls.events()[0]["request_id"], "gone");
}

#[test]
fn nothing_is_gathered_where_no_request_sees_to_it() {
    const DECISION: &str = "dcv_resolver::decision";

    let calls = Calls::default();
    let lines = DecisionLines::new(calls.clone());
    tracing::dispatcher::with_default(&subscriber(&lines), || {
        info!(target: DECISION, "of a router that does not wait");
        warn!(target: DECISION, "another");
        assert_eq!(calls.lines(), [1, 1]);
        let _service = service(&lines);
        info!(target: DECISION, "of one that does");
        assert_eq!(calls.lines(), [1, 1]);
    });
}

#[test]
fn no_more_is_gathered_than_64_kib() {
    let calls = Calls::default();
    let lines = DecisionLines::new(calls.clone());
    let _service = service(&lines);
    tracing::dispatcher::with_default(&subscriber(&lines), || {
        for _ in 0..1_000 {
            info!(target: "dcv_resolver::decision", "{}", "x".repeat(1_000));
        }
    });
    let written = calls.lock();
    assert_eq!(written.len(), 1_000 * 1_100 / (64 * 1024));
    for call in &*written {
        assert!((64 * 1024..66 * 1024).contains(&call.len()));
    }
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
