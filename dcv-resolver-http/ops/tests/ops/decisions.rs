//! `/decisions`: the last decisions.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use dcv_resolver_core::testing::{ManualClock, Reply, request};
use dcv_resolver_core::{
    ClientNetworks, MemoryStore, NotFound, Resolver, StoreErrorKind, UnknownClient,
};
use dcv_resolver_http::{DecisionObserver, Problem, ResolveService, testing};
use dcv_resolver_ops::{OpsBuilder, RecentDecisions};
use serde_json::{Value, json};

use crate::endpoints::{ask, explainer, readiness};
use crate::gateway::{self, memory, record, replying};

fn app(recent: &RecentDecisions) -> Router {
    OpsBuilder::new(explainer(), readiness())
        .page(recent.clone())
        .build()
}

async fn shown(recent: &RecentDecisions) -> Vec<Value> {
    let answer = ask(&app(recent), "GET", "/decisions").await;
    answer.json()["decisions"].as_array().unwrap().clone()
}

#[tokio::test]
async fn every_outcome_is_shown_with_what_is_known_the_newest_first() {
    let clock = ManualClock::default();
    let recent = RecentDecisions::with_clock(clock.clone());
    let resolver = Resolver::builder()
        .store("agents", memory())
        .policy(ClientNetworks::new(UnknownClient::Allow).session(
            "console".parse().unwrap(),
            ["192.0.2.0/24".parse().unwrap()],
        ))
        .build()
        .unwrap();
    let gateways = ResolveService::builder(resolver)
        .observer(recent.clone())
        .router();
    let post = async |query: &str, caller: &str| {
        let mut request = gateway::request(caller, &format!("/resolveSession?{query}"));
        request
            .headers_mut()
            .insert("x-request-id", "id-1".parse().unwrap());
        gateway::send(&gateways, request).await;
    };
    post("sessionId=console&clientIpAddress=192.0.2.9", "192.0.2.10").await;
    clock.advance(Duration::from_millis(1_500));
    post(
        "sessionId=console&transport=QUIC&clientIpAddress=198.51.100.7",
        "192.0.2.10",
    )
    .await;
    post(
        "sessionId=console&clientIpAddress=198.51.100.7",
        "192.0.2.10",
    )
    .await;
    post("sessionId=Console", "192.0.2.11").await;
    post("session=console", "192.0.2.11").await;

    let mut decisions = shown(&recent).await;
    for decision in &mut decisions {
        let elapsed = decision.as_object_mut().unwrap().remove("elapsed_us");
        assert!(elapsed.unwrap().is_u64());
    }
    assert_eq!(
        Value::Array(decisions),
        json!([
            {"number": 5, "time": "2030-01-01T00:00:01.5Z", "outcome": "malformed", "reason": "malformed_request",
             "status": 400, "caller": "192.0.2.11", "request_id": "id-1"},
            {"number": 4, "time": "2030-01-01T00:00:01.5Z", "outcome": "not_found", "reason": "unknown",
             "session_id": "Console", "transport": "HTTP", "status": 404, "caller": "192.0.2.11", "request_id": "id-1"},
            {"number": 3, "time": "2030-01-01T00:00:01.5Z", "outcome": "not_found", "reason": "denied",
             "session_id": "console", "transport": "HTTP", "client_ip": "198.51.100.7", "store": "agents",
             "policy": "client_networks", "status": 404, "caller": "192.0.2.10", "request_id": "id-1"},
            {"number": 2, "time": "2030-01-01T00:00:01.5Z", "outcome": "not_found", "reason": "transport_not_offered",
             "session_id": "console", "transport": "QUIC", "client_ip": "198.51.100.7", "store": "agents",
             "status": 404, "caller": "192.0.2.10", "request_id": "id-1"},
            {"number": 1, "time": "2030-01-01T00:00:00Z", "outcome": "found",
             "session_id": "console", "transport": "HTTP", "client_ip": "192.0.2.9", "store": "agents",
             "status": 200, "caller": "192.0.2.10", "request_id": "id-1"},
        ])
    );
    let answer = ask(&app(&recent), "GET", "/decisions").await;
    assert_eq!(answer.json()["now"], "2030-01-01T00:00:01.5Z");
}

#[tokio::test]
async fn error_of_a_store_is_not_shown() {
    let recent = RecentDecisions::new();
    let gateways = replying(Reply::Fail(StoreErrorKind::Unavailable))
        .observer(recent.clone())
        .router();
    gateway::post(&gateways, gateway::CONSOLE).await;
    let decision = &shown(&recent).await[0];
    assert_eq!(decision["outcome"], "error");
    assert_eq!(decision["reason"], "store_unavailable");
    assert!(!decision.to_string().contains("scripted"));
}

#[tokio::test]
async fn last_200_are_kept() {
    let recent = RecentDecisions::new();
    // A shorter text follows a longer one, and the other way round.
    let request_id = |number: usize| "x".repeat(1 + number % 7);
    for number in 1..=450 {
        let mut decision = testing::decision(Err(Problem::NotFound(NotFound::Unknown)));
        decision.request = Some(request(&format!("id-{number}")));
        decision.request_id = request_id(number).parse().unwrap();
        recent.on_decision(&decision);
        if [1, 199, 200, 201, 450].contains(&number) {
            let oldest = number.saturating_sub(199).max(1);
            let expected = (oldest..=number).rev();
            let expected =
                expected.map(|it| (json!(it), json!(format!("id-{it}")), json!(request_id(it))));
            let shown = shown(&recent).await;
            let shown = shown.iter().map(|it| {
                (
                    it["number"].clone(),
                    it["session_id"].clone(),
                    it["request_id"].clone(),
                )
            });
            assert!(shown.eq(expected), "after {number}");
        }
    }
}

/// At 1,000 found ones a second, a failed one would be gone before one looks.
#[tokio::test]
async fn found_decisions_do_not_displace_the_others() {
    let recent = RecentDecisions::new();
    let gateways = gateway::over(memory()).observer(recent.clone()).router();
    let post = async |times: usize, query: &str| {
        for _ in 0..times {
            gateway::post(&gateways, &format!("/resolveSession?{query}")).await;
        }
    };
    post(1, "session=malformed").await;
    post(1, "sessionId=unknown").await;
    post(450, "sessionId=console").await;
    post(1, "sessionId=unknown").await;
    let numbers = async || {
        let shown = shown(&recent).await.into_iter();
        shown
            .map(|it| it["number"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    let expected: Vec<_> = (253..=453).rev().chain([2, 1]).collect();
    assert_eq!(numbers().await, expected);
    post(450, "sessionId=unknown").await;
    let expected: Vec<_> = (704..=903).rev().chain((253..=452).rev()).collect();
    assert_eq!(numbers().await, expected);
}

/// The longest ids and request ids, of characters that JSON escapes.
#[tokio::test]
async fn response_is_bounded() {
    let recent = RecentDecisions::new();
    let store = MemoryStore::from_iter([record("\\".repeat(256).parse().unwrap())]);
    let gateways = gateway::over(store).observer(recent.clone()).router();
    for _ in 0..201 {
        for transport in ["HTTP", "QUIC"] {
            let id = "%5C".repeat(256);
            let uri = format!("/resolveSession?sessionId={id}&transport={transport}");
            let request = Request::post(uri)
                .header("x-request-id", "\"".repeat(128))
                .body(Body::empty());
            gateway::send(&gateways, request.unwrap()).await;
        }
    }
    assert_eq!(shown(&recent).await.len(), 400);
    let bytes = ask(&app(&recent), "GET", "/decisions").await.body.len();
    assert!(bytes < 500_000, "{bytes}");
}

#[tokio::test]
async fn decisions_outlive_the_services() {
    let recent = RecentDecisions::new();
    for _reload in 0..2 {
        let gateways = gateway::over(memory()).observer(recent.clone()).router();
        gateway::post(&gateways, gateway::CONSOLE).await;
    }
    let numbers: Vec<_> = shown(&recent)
        .await
        .iter()
        .map(|it| it["number"].clone())
        .collect();
    assert_eq!(numbers, [2, 1]);
}
