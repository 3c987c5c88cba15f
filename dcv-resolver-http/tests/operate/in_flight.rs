//! No more requests at once than allowed.

use std::future::pending;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::{CONNECTION, RETRY_AFTER};
use axum::http::{Request, StatusCode};
use dcv_resolver_core::StoreErrorKind;
use dcv_resolver_core::testing::{Reply, ScriptedStore};
use futures_util::{FutureExt, poll, stream};
use tokio::time::Instant;

use crate::support::{CONSOLE, memory, over, post, request, send};

/// Two are decided at once; the store hangs for the first calls and then
/// answers on command.
fn two_at_once(hanging: usize, then: Reply) -> Router {
    let store = ScriptedStore::sequence(vec![Reply::Hang; hanging], then);
    over(store).max_in_flight(2).router()
}

#[tokio::test(start_paused = true)]
async fn request_beyond_the_limit_is_refused_at_once_without_asking_the_store() {
    // If it were asked a third time, it would panic.
    let app = two_at_once(2, Reply::Panic);
    let mut first = Box::pin(post(&app, CONSOLE));
    let mut second = Box::pin(post(&app, CONSOLE));
    assert!(poll!(first.as_mut()).is_pending());
    assert!(poll!(second.as_mut()).is_pending());

    let started = Instant::now();
    for _ in 0..1_000 {
        let third = post(&app, CONSOLE).await;
        assert_eq!(third.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(third.reason(), "overloaded");
        assert_eq!(third.headers[RETRY_AFTER], "1");
    }
    assert_eq!(started.elapsed(), Duration::ZERO);

    assert_eq!(first.await.reason(), "timeout");
    assert_eq!(second.await.reason(), "timeout");
}

#[tokio::test(start_paused = true)]
async fn however_a_request_ends_its_place_is_given_back() {
    for reply in [
        Reply::Absent,
        Reply::Panic,
        Reply::Hang,
        Reply::Fail(StoreErrorKind::Unavailable),
    ] {
        let app = two_at_once(1, reply.clone());
        // Whose caller goes away.
        let mut first = Box::pin(post(&app, CONSOLE));
        assert!(poll!(first.as_mut()).is_pending());
        drop(first);
        for _ in 0..5 {
            assert_ne!(
                post(&app, CONSOLE).await.reason(),
                "overloaded",
                "{reply:?}"
            );
        }
        for malformed in ["/resolveSession", "/resolveSession?sessionId=%zz"] {
            for _ in 0..5 {
                assert_eq!(post(&app, malformed).await.status, StatusCode::BAD_REQUEST);
            }
        }
    }
}

/// A request whose body has no end.
fn endless() -> Request<Body> {
    let body = stream::once(pending::<Result<Bytes, io::Error>>());
    let mut request = request("", CONSOLE);
    *request.body_mut() = Body::from_stream(body);
    request
}

#[tokio::test(start_paused = true)]
async fn refusal_does_not_wait_for_the_body() {
    let app = two_at_once(2, Reply::Panic);
    let mut first = Box::pin(post(&app, CONSOLE));
    let mut second = Box::pin(post(&app, CONSOLE));
    assert!(poll!(first.as_mut()).is_pending());
    assert!(poll!(second.as_mut()).is_pending());
    let started = Instant::now();
    let third = send(&app, endless()).await;
    assert_eq!(third.reason(), "overloaded");
    assert_eq!(third.headers[CONNECTION], "close");
    assert!(started.elapsed() < Duration::from_millis(50));
}

#[tokio::test(start_paused = true)]
async fn slow_body_holds_no_permit() {
    let app = over(memory()).max_in_flight(1).router();
    let mut slow = Box::pin(send(&app, endless()));
    assert!(poll!(slow.as_mut()).is_pending());
    assert_eq!(post(&app, CONSOLE).await.status, StatusCode::OK);
    assert_eq!(slow.await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn overloaded_service_does_not_read_the_query_but_answers_a_wrong_path() {
    let app = two_at_once(2, Reply::Absent);
    let mut first = Box::pin(post(&app, CONSOLE));
    let mut second = Box::pin(post(&app, CONSOLE));
    assert!(poll!(first.as_mut()).is_pending());
    assert!(poll!(second.as_mut()).is_pending());
    assert_eq!(post(&app, "/resolveSession").await.reason(), "overloaded");
    assert_eq!(post(&app, "/elsewhere").await.reason(), "no_such_path");
}

#[tokio::test(start_paused = true)]
async fn there_is_a_place_for_one_at_the_least() {
    let app = over(memory()).max_in_flight(0).router();
    assert_eq!(post(&app, CONSOLE).await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn by_default_two_gateways_whose_clients_all_return_at_once_are_answered() {
    let app = over(ScriptedStore::always(Reply::Hang)).router();
    let mut waiting = Vec::new();
    for _ in 0..2_048 {
        let mut answer = Box::pin(post(&app, CONSOLE));
        assert!(poll!(answer.as_mut()).is_pending());
        waiting.push(answer);
    }
    let one_more = post(&app, CONSOLE).now_or_never().unwrap();
    assert_eq!(one_more.reason(), "overloaded");
}
