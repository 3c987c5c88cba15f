//! Many failures at once, in windows that open and close all the time. In a
//! process of its own: the summaries are logged by tasks, on any thread.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use dcv_resolver_core::testing::{Reply, ScriptedStore};
use dcv_resolver_core::{Resolver, StoreErrorKind};
use dcv_resolver_http::ResolveService;
use dcv_resolver_ops::LogDeduplicator;
use serde_json::Value;
use tower::ServiceExt;

const TASKS: u64 = 8;
const REQUESTS: u64 = 500;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// How many failures the log accounts for.
    fn count(&self) -> u64 {
        let written = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        written
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .map(|event| event["fields"]["suppressed"].as_u64().unwrap_or(1))
            .sum()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_failures_are_each_counted_once() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .json()
        .with_writer(move || writer.clone())
        .init();
    let store = ScriptedStore::always(Reply::Fail(StoreErrorKind::Unavailable));
    let app: Router = ResolveService::builder(Resolver::new(store))
        .without_log()
        .observer(LogDeduplicator::new(Duration::from_micros(50)))
        .router();
    let asking = (0..TASKS).map(|_| {
        let app = app.clone();
        tokio::spawn(async move {
            for _ in 0..REQUESTS {
                let request = Request::post("/resolveSession?sessionId=console");
                let request = request.body(Body::empty()).unwrap();
                app.clone().oneshot(request).await.unwrap();
            }
        })
    });
    for task in asking.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    drop(app);
    // A task that closes a window may still be writing.
    let complete = async {
        while log.count() < TASKS * REQUESTS {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), complete)
        .await
        .unwrap();
    assert_eq!(log.count(), TASKS * REQUESTS);
}
