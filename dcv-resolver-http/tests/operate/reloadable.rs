//! A service that is replaced while it serves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post as on_post};
use dcv_resolver_core::MemoryStore;
use dcv_resolver_http::ReloadableService;
use futures_util::{FutureExt, poll};
use tokio::sync::Notify;

use crate::support::{CONSOLE, memory, over, post};

#[tokio::test]
async fn request_is_answered_by_the_service_that_is_current_when_it_arrives() {
    let live = ReloadableService::new(over(MemoryStore::new()).router());
    let app = live.clone();
    assert_eq!(post(&app, CONSOLE).await.status, StatusCode::NOT_FOUND);
    live.replace(over(memory()).router());
    assert_eq!(post(&app, CONSOLE).await.status, StatusCode::OK);
    assert_eq!(
        post(&app, "/stage/resolveSession?sessionId=console")
            .await
            .status,
        StatusCode::OK
    );
    // Clones share the service.
    live.clone().replace(over(MemoryStore::new()).router());
    assert_eq!(post(&app, CONSOLE).await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        post(&live.clone(), CONSOLE).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn unknown_path_is_404_and_another_method_405() {
    let live = ReloadableService::new(Router::new().route("/a", get(async || "a")));
    let nested = Router::new().nest_service("/below", live.clone());
    assert_eq!(post(&live, "/b").await.status, StatusCode::NOT_FOUND);
    for status in [
        post(&live, "/a").await.status,
        post(&nested, "/below/a").await.status,
    ] {
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    }
}

/// Records that it was dropped.
struct DropFlag(Arc<AtomicBool>);

impl Drop for DropFlag {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn request_in_flight_is_answered_by_the_old_service_which_is_then_dropped() {
    let dropped = Arc::new(AtomicBool::new(false));
    let go_on = Arc::new(Notify::new());
    let old = Router::new()
        .route(
            "/",
            on_post(
                async |State((_flag, go_on)): State<(Arc<DropFlag>, Arc<Notify>)>| {
                    go_on.notified().await;
                    StatusCode::IM_A_TEAPOT
                },
            ),
        )
        .with_state((Arc::new(DropFlag(Arc::clone(&dropped))), Arc::clone(&go_on)));
    let live = ReloadableService::new(old);
    let app = live.clone();

    let mut in_flight = Box::pin(post(&app, "/"));
    assert!(poll!(in_flight.as_mut()).is_pending());
    live.replace(Router::new());
    let at_once = post(&app, "/").now_or_never().unwrap();
    assert_eq!(at_once.status, StatusCode::NOT_FOUND);
    assert!(!dropped.load(Ordering::SeqCst));

    go_on.notify_one();
    assert_eq!(in_flight.await.status, StatusCode::IM_A_TEAPOT);
    assert!(dropped.load(Ordering::SeqCst));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_replacements_under_load_fail_no_request() {
    const REPLACEMENTS: usize = 5_000;
    let live = ReloadableService::new(over(memory()).router());
    let stop = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let asking: Vec<_> = (0..8)
        .map(|_| {
            let (app, stop, answered) = (live.clone(), Arc::clone(&stop), Arc::clone(&answered));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let answer = post(&app, CONSOLE).await;
                    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
                    answered.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for _ in 0..REPLACEMENTS {
        live.replace(over(memory()).router());
        tokio::task::yield_now().await;
    }
    // All of them have answered since.
    let before = answered.load(Ordering::Relaxed);
    while answered.load(Ordering::Relaxed) < before + 100 {
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::Relaxed);
    for task in asking {
        task.await.unwrap();
    }
}
