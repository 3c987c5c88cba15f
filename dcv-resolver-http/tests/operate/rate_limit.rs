//! How often one caller may ask.

use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use dcv_resolver_core::testing::Reply;
use dcv_resolver_http::RateLimit;

use crate::support::{CONSOLE, memory, over, reason_for, replying, request, send};

fn limit(per_second: u32, burst: u32) -> RateLimit {
    RateLimit::new(per_second.try_into().unwrap(), burst.try_into().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_asks_too_often_is_429_until_it_has_waited() {
    let app = over(memory()).rate_limit(limit(10, 3)).router();
    for expected in ["", "", "", "rate_limited", "rate_limited"] {
        assert_eq!(reason_for(&app, "192.0.2.1").await, expected);
    }
    // Another one has a limit of its own.
    assert_eq!(reason_for(&app, "192.0.2.2").await, "");

    tokio::time::advance(Duration::from_millis(100)).await;
    assert_eq!(reason_for(&app, "::ffff:192.0.2.1").await, "");
    let answer = send(&app, request("192.0.2.1", CONSOLE)).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers[RETRY_AFTER], "1");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(reason_for(&app, "192.0.2.1").await, "");
}

#[tokio::test(start_paused = true)]
async fn whatever_a_caller_asks_counts_and_the_store_is_not_asked() {
    // It would panic.
    let app = replying(Reply::Panic).rate_limit(limit(1, 2)).router();
    for (uri, expected) in [
        ("/elsewhere", "no_such_path"),
        ("/resolveSession", "malformed_request"),
        ("/elsewhere", "rate_limited"),
        ("/resolveSession", "rate_limited"),
        (CONSOLE, "rate_limited"),
    ] {
        let answer = send(&app, request("192.0.2.1", uri)).await;
        assert_eq!(answer.reason(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn callers_without_an_address_share_a_limit() {
    let app = over(memory()).rate_limit(limit(1, 1)).router();
    assert_eq!(reason_for(&app, "").await, "");
    assert_eq!(reason_for(&app, "").await, "rate_limited");
    assert_eq!(reason_for(&app, "192.0.2.1").await, "");
}

#[tokio::test(start_paused = true)]
async fn caller_that_is_not_allowed_does_not_use_its_rate() {
    let app = over(memory())
        .allowed_callers(vec!["192.0.2.0/24".parse().unwrap()])
        .rate_limit(limit(1, 1))
        .router();
    for _ in 0..5 {
        assert_eq!(reason_for(&app, "198.51.100.1").await, "caller_not_allowed");
        assert_eq!(reason_for(&app, "").await, "caller_not_allowed");
    }
    assert_eq!(reason_for(&app, "192.0.2.1").await, "");
    assert_eq!(reason_for(&app, "192.0.2.1").await, "rate_limited");
}
