//! The trace that a request is part of.

use axum::Router;
use axum::http::StatusCode;
use dcv_resolver_core::testing::Reply;
use futures_util::poll;
use serde_json::json;
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::support::{Answer, CONSOLE, Log, memory, over, replying, request, send};

const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

async fn traced(app: &Router, uri: &str, traceparents: &[&str]) -> Answer {
    let mut request = request("", uri);
    let headers = request.headers_mut();
    headers.insert("x-request-id", "gw-7".parse().unwrap());
    for traceparent in traceparents {
        headers.append("traceparent", traceparent.parse().unwrap());
    }
    send(app, request).await
}

#[tokio::test]
async fn decision_is_in_a_span_of_the_callers_trace() {
    let app = over(memory()).router();
    let (log, _guard) = Log::of_this_thread(Level::DEBUG);
    let answer = traced(&app, CONSOLE, &[TRACEPARENT]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(!answer.headers.contains_key("traceparent"));

    let events = log.events();
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!(events[0]["fields"]["trace_id"], TRACE_ID);
    assert_eq!(
        events[0]["span"],
        json!({
            "name": "resolve", "trace_id": TRACE_ID, "parent_span_id": "b7ad6b7169203331",
            "sampled": true, "request_id": "gw-7",
        })
    );
}

#[tokio::test]
async fn without_a_trace_the_span_names_the_request() {
    let app = over(memory()).router();
    let (log, _guard) = Log::of_this_thread(Level::DEBUG);
    traced(&app, CONSOLE, &[]).await;
    let event = &log.events()[0];
    assert_eq!(
        event["span"],
        json!({"name": "resolve", "request_id": "gw-7"})
    );
    assert_eq!(event["fields"].get("trace_id"), None);
}

#[tokio::test]
async fn invalid_traceparent_is_ignored_and_logged_at_debug() {
    let app = over(memory()).router();
    for traceparents in [
        &["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0"][..],
        &["x"],
        &[TRACEPARENT, TRACEPARENT],
    ] {
        let (log, _guard) = Log::of_this_thread(Level::DEBUG);
        let answer = traced(&app, CONSOLE, traceparents).await;
        assert_eq!(answer.status, StatusCode::OK);
        let (debug, decisions): (Vec<_>, Vec<_>) = log
            .events()
            .into_iter()
            .partition(|event| event["level"] == "DEBUG");
        assert_eq!(debug.len(), 1, "{debug:#?}");
        assert_eq!(decisions[0]["fields"].get("trace_id"), None);
        assert_eq!(decisions[0]["span"].get("trace_id"), None);
    }
}

#[tokio::test]
async fn disabled_span_stays_disabled_when_a_traceparent_is_ignored() {
    let without_spans = Targets::new()
        .with_default(Level::DEBUG)
        .with_target("dcv_resolver::resolve", LevelFilter::OFF);
    let (spanless, all, _guard) = Log::filtered_and_all_of_this_thread(without_spans);

    traced(&over(memory()).router(), CONSOLE, &["x"]).await;
    let decision = all.events().pop().unwrap();
    assert_eq!(decision["span"]["name"], "resolve");
    let events = spanless.events();
    assert_eq!(events.len(), 2, "{events:#?}");
    for event in events {
        assert_eq!(event.get("span"), None, "{event:#}");
    }
}

#[tokio::test]
async fn log_at_info_has_no_span_but_names_request_and_trace() {
    let app = over(memory()).router();
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    traced(&app, CONSOLE, &[TRACEPARENT]).await;
    let event = &log.events()[0];
    assert_eq!(event["fields"]["request_id"], "gw-7");
    assert_eq!(event["fields"]["trace_id"], TRACE_ID);
    assert_eq!(event.get("span"), None);
}

#[tokio::test]
async fn abandoned_request_is_logged_in_the_span() {
    let app = replying(Reply::Hang).router();
    let (log, _guard) = Log::of_this_thread(Level::DEBUG);
    let mut answer = Box::pin(traced(&app, CONSOLE, &[TRACEPARENT]));
    assert!(poll!(answer.as_mut()).is_pending());
    drop(answer);
    let event = &log.events()[0];
    assert_eq!(event["fields"]["outcome"], "abandoned");
    assert_eq!(event["span"]["trace_id"], TRACE_ID);
}

#[tokio::test]
async fn refusal_is_logged_in_the_span() {
    let app = over(memory()).allowed_callers(vec![]).router();
    let (log, _guard) = Log::of_this_thread(Level::DEBUG);
    traced(&app, CONSOLE, &[TRACEPARENT]).await;
    assert_eq!(log.events()[0]["span"]["trace_id"], TRACE_ID);
}
