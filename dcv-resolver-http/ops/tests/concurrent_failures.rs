//! Many failures at once, in windows that open and close all the time. In a
//! process of its own: the summaries are logged by tasks, on any thread.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use dcv_resolver_core::testing::{Reply, ScriptedStore};
use dcv_resolver_core::{Resolver, StoreErrorKind};
use dcv_resolver_http::ResolveService;
use dcv_resolver_ops::LogDeduplicator;
use dcv_resolver_test_support::log::Log;
use serde_json::Value;
use tower::ServiceExt;
use tracing::Level;

const TASKS: u64 = 8;
const REQUESTS: u64 = 500;

/// Returns how many failures the log accounts for.
fn count(log: &Log) -> u64 {
    let log = log.text();
    // The last line may not be complete yet.
    log.split_inclusive('\n')
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .map(|event| event["fields"]["suppressed"].as_u64().unwrap_or(1))
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_failures_are_each_counted_once() {
    let (log, subscriber) = Log::with_subscriber(Level::INFO);
    tracing::subscriber::set_global_default(subscriber).unwrap();
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
        while count(&log) < TASKS * REQUESTS {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), complete)
        .await
        .unwrap();
    assert_eq!(count(&log), TASKS * REQUESTS);
}
