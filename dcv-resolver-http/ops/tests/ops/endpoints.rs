//! What each path answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request};
use axum::routing::post;
use dcv_resolver_core::testing::ManualClock;
use dcv_resolver_core::{Expiry, Explainer, MemoryStore, SessionRecord};
use dcv_resolver_ops::{LoopbackOnly, Metrics, OpsBuilder, Readiness, explain_router};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::readiness::watched;
use crate::store::{Mode, SwitchStore, over, resolver};

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.headers["content-type"], "application/json");
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn problem(&self, status: u16, reason: &str) -> Value {
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let problem: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(self.status, status, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["reason"], reason);
        problem
    }
}

pub(crate) async fn ask_from(
    app: &Router,
    peer: Option<&str>,
    method: &str,
    uri: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(peer) = peer {
        let peer: SocketAddr = peer.parse().unwrap();
        request = request.extension(ConnectInfo(peer));
    }
    let request = request.body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store", "{uri}");
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

/// Asks from the same machine.
pub(crate) async fn ask(app: &Router, method: &str, uri: &str) -> Answer {
    ask_from(app, Some("127.0.0.1:5"), method, uri, &[]).await
}

/// Explains the requests to a store that holds `console`.
pub(crate) fn explainer() -> Explainer {
    let record = SessionRecord::builder(
        "console".parse().unwrap(),
        "ws-17.dcv.example".parse().unwrap(),
        Expiry::Never,
    );
    let store = Arc::new(MemoryStore::from_iter([record
        .http_port(8443)
        .build()
        .unwrap()]));
    let resolver = resolver([("agents", Arc::clone(&store))]).with_clock(ManualClock::default());
    Explainer::new(resolver).with_listing("agents", store)
}

pub(crate) fn readiness() -> Readiness {
    Readiness::new(explainer().resolver())
}

fn app() -> Router {
    OpsBuilder::new(explainer(), readiness())
        .metrics(Metrics::new())
        .build()
}

#[tokio::test]
async fn draining_process_is_alive() {
    let readiness = readiness();
    let app: Router = OpsBuilder::new(explainer(), readiness.clone()).build();
    readiness.drain();
    let answer = ask(&app, "GET", "/livez").await;
    assert_eq!((answer.status, &*answer.body), (200, "ok"));
    assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
}

#[tokio::test(start_paused = true)]
async fn readyz_is_503_until_the_stores_answer_and_while_draining() {
    let store = SwitchStore::new(Mode::Answers);
    let readiness = watched(&over(&store));
    let app: Router = OpsBuilder::new(explainer(), readiness.clone()).build();
    let answer = ask(&app, "GET", "/readyz").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["state"], "store_down");

    tokio::time::sleep(Duration::from_millis(500)).await;
    let answer = ask(&app, "GET", "/readyz").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({"ready": true, "state": "serving", "stores": [
            {"store": "agents", "state": "up", "last_answer_age_ms": 500}]})
    );

    readiness.drain();
    let answer = ask(&app, "GET", "/readyz").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["state"], "draining");
}

#[tokio::test]
async fn head_request_gets_the_headers_of_a_get() {
    for (path, status) in [("/livez", 200), ("/readyz", 503), ("/metrics", 200)] {
        let answer = ask(&app(), "HEAD", path).await;
        assert_eq!((answer.status, &*answer.body), (status, ""), "{path}");
        let get = ask(&app(), "GET", path).await;
        for name in ["content-type", "cache-control"] {
            assert_eq!(answer.headers.get(name), get.headers.get(name), "{path}");
        }
        // The metrics of the process differ from one moment to the next.
        if path != "/metrics" {
            let length = &get.headers["content-length"];
            assert_eq!(answer.headers["content-length"], length, "{path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn metrics_show_the_current_readiness() {
    let latency = Duration::from_millis(300);
    let store = SwitchStore::new(Mode::Answers).with_latency(latency);
    let readiness = watched(&over(&store));
    let metrics = Metrics::new();
    let app: Router = OpsBuilder::new(explainer(), readiness.clone())
        .metrics(metrics.clone())
        .build();
    let shown = async || {
        let answer = ask(&app, "GET", "/metrics").await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.headers["content-type"],
            "text/plain; version=0.0.4; charset=utf-8"
        );
        let has = |line: &str| answer.body.lines().any(|found| found == line);
        assert_ne!(has("dcv_resolver_ready 0"), has("dcv_resolver_ready 1"));
        let up = r#"dcv_resolver_store_up{store="agents"}"#;
        assert_ne!(has(&format!("{up} 0")), has(&format!("{up} 1")));
        (has("dcv_resolver_ready 1"), has(&format!("{up} 1")))
    };
    assert_eq!(shown().await, (false, false));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(shown().await, (true, true));
    store.set_mode(Mode::Fails);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(shown().await, (true, false));
    store.set_mode(Mode::Answers);
    tokio::time::sleep(Duration::from_secs(2)).await;
    readiness.drain();
    assert_eq!(shown().await, (false, true));
}

#[tokio::test]
async fn unknown_path_is_404_for_every_method() {
    for path in [
        "/",
        "/livez/",
        "/Livez",
        "//readyz",
        "/resolveSession",
        "/explain/x",
        "*",
    ] {
        for method in ["GET", "POST", "OPTIONS"] {
            ask(&app(), method, path).await.problem(404, "no_such_path");
        }
    }
}

#[tokio::test]
async fn other_method_is_405_with_allow() {
    for path in [
        "/livez",
        "/readyz",
        "/metrics",
        "/explain?sessionId=console",
    ] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PURGE"] {
            let answer = ask(&app(), method, path).await;
            answer.problem(405, "method_not_allowed");
            assert_eq!(answer.headers["allow"], "GET,HEAD");
        }
    }
}

#[tokio::test]
async fn merged_router_keeps_its_answers_except_its_fallback() {
    let further = Router::new()
        .route(
            "/sessions",
            post(async || "posted")
                .fallback(async || (axum::http::StatusCode::IM_A_TEAPOT, "not so")),
        )
        .fallback(async || "fallback");
    let app: Router = OpsBuilder::new(explainer(), readiness())
        .merge(further)
        .merge(Router::new().route("/more", post(async || "more")))
        .build();
    assert_eq!(ask(&app, "POST", "/sessions").await.body, "posted");
    assert_eq!(ask(&app, "POST", "/more").await.body, "more");
    assert_eq!(ask(&app, "GET", "/sessions").await.status, 418);
    assert_eq!(ask(&app, "GET", "/livez").await.body, "ok");
    ask(&app, "GET", "/other")
        .await
        .problem(404, "no_such_path");
}

#[tokio::test]
async fn explain_is_served_alone() {
    let authorize = Arc::new(LoopbackOnly);
    let app = Router::new().nest("/resolver", explain_router(explainer(), authorize));
    let answer = ask(&app, "GET", "/resolver/explain?sessionId=console").await;
    assert_eq!(answer.json()["outcome"], "found");
}
