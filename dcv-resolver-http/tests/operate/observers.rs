//! What observers and middlewares see of a decision.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use axum::middleware::map_response;
use axum::response::Response;
use dcv_resolver_core::testing::Reply;
use dcv_resolver_core::{
    Policy, PolicyError, ResolveRequest, Resolver, SessionRecord, StoreErrorKind, Verdict,
    async_trait,
};
use dcv_resolver_http::{Decision, DecisionObserver, DecisionOutcome, Problem};
use futures_util::poll;
use serde_json::{Value, json};
use tracing::Level;

use crate::support::{CONSOLE, Log, memory, over, post, replying, request, send};

/// Notes what it observes.
#[derive(Debug, Clone, Default)]
struct Notes(Arc<Mutex<Vec<Note>>>);

/// The outcome, the reason and the session id.
type Note = (DecisionOutcome, Option<&'static str>, Option<String>);

impl DecisionObserver for Notes {
    fn on_decision(&self, decision: &Decision) {
        let id = decision
            .request
            .as_ref()
            .map(|request| request.session_id().to_string());
        let note = (decision.outcome(), decision.reason(), id);
        self.0.lock().unwrap().push(note);
    }
}

impl Notes {
    fn take(&self) -> Vec<Note> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[tokio::test]
async fn every_decision_is_observed_once() {
    let notes = Notes::default();
    let app = over(memory()).observer(notes.clone()).router();
    post(&app, CONSOLE).await;
    post(&app, "/resolveSession?sessionId=other").await;
    post(&app, "/resolveSession").await;
    post(&app, "/elsewhere").await;
    let id = |id: &str| Some(id.to_owned());
    assert_eq!(
        notes.take(),
        [
            (DecisionOutcome::Found, None, id("console")),
            (DecisionOutcome::NotFound, Some("unknown"), id("other")),
            (DecisionOutcome::Malformed, Some("malformed_request"), None),
            (DecisionOutcome::Malformed, Some("no_such_path"), None),
        ]
    );

    let closed = over(memory())
        .allowed_callers(vec![])
        .observer(notes.clone())
        .router();
    post(&closed, CONSOLE).await;
    let failing = replying(Reply::Fail(StoreErrorKind::Unavailable))
        .observer(notes.clone())
        .router();
    post(&failing, CONSOLE).await;
    assert_eq!(
        notes.take(),
        [
            (DecisionOutcome::Refused, Some("caller_not_allowed"), None),
            (
                DecisionOutcome::Error,
                Some("store_unavailable"),
                id("console")
            ),
        ]
    );
}

#[tokio::test]
async fn abandoned_request_is_observed_with_the_store_that_was_asked() {
    #[derive(Debug, Clone, Default)]
    struct Stores(Arc<Mutex<Vec<Asked>>>);

    type Asked = (DecisionOutcome, Option<Arc<str>>);

    impl DecisionObserver for Stores {
        fn on_decision(&self, decision: &Decision) {
            let seen = (decision.outcome(), decision.store.clone());
            self.0.lock().unwrap().push(seen);
        }
    }

    let stores = Stores::default();
    let app = replying(Reply::Hang).observer(stores.clone()).router();
    let mut responding = Box::pin(post(&app, CONSOLE));
    assert!(poll!(responding.as_mut()).is_pending());
    drop(responding);
    let seen = stores.0.lock().unwrap().clone();
    assert_eq!(seen, [(DecisionOutcome::Abandoned, Some("store".into()))]);
}

#[tokio::test]
async fn middleware_reads_the_decision_from_the_extensions() {
    async fn name_the_reason(mut response: Response) -> Response {
        let decision = Arc::clone(response.extensions().get::<Arc<Decision>>().unwrap());
        assert!(matches!(decision.problem(), Some(Problem::NotFound(_))));
        assert!(decision.elapsed < Duration::from_secs(60));
        let reason = decision.reason().unwrap().parse().unwrap();
        response.headers_mut().insert("x-reason", reason);
        response
    }

    let app =
        dcv_resolver_http::router(Resolver::new(memory())).layer(map_response(name_the_reason));
    let answer = send(&app, request("", "/resolveSession?sessionId=other")).await;
    assert_eq!(answer.headers["x-reason"], "unknown");
}

#[tokio::test]
async fn without_log_there_is_no_event_and_observers_are_called_still() {
    let (log, _guard) = Log::of_this_thread(Level::TRACE);
    let notes = Notes::default();
    let app = over(memory())
        .without_log()
        .observer(notes.clone())
        .router();
    post(&app, CONSOLE).await;
    assert_eq!(notes.take().len(), 1);
    assert!(
        log.events()
            .iter()
            .all(|event| event["target"] != "dcv_resolver::decision")
    );
}

#[derive(Debug)]
struct Panics;

impl DecisionObserver for Panics {
    #[expect(clippy::panic, reason = "it is what is tested")]
    fn on_decision(&self, _: &Decision) {
        panic!("out of cheese");
    }
}

#[tokio::test]
async fn panic_in_an_observer_costs_neither_the_response_nor_other_observers() {
    let notes = Notes::default();
    let app = over(memory())
        .observer(Panics)
        .observer(notes.clone())
        .router();
    assert_eq!(post(&app, CONSOLE).await.status, StatusCode::OK);
    assert_eq!(notes.take().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn observers_that_panic_in_each_request_are_logged_once_and_counted() {
    let (log, _guard) = Log::of_this_thread(Level::ERROR);
    let app = over(memory()).observer(Panics).observer(Panics).router();
    for _ in 0..3 {
        post(&app, CONSOLE).await;
    }
    tokio::time::sleep(Duration::from_secs(61)).await;
    let fields = |events: Vec<Value>| events.into_iter().map(|event| event["fields"].clone());
    let logged: Vec<_> = fields(log.events()).collect();
    let panicked = json!({"message": "a decision observer panicked", "observer": "Panics"});
    let more = json!({"message": "more panics of an observer", "suppressed": 2});
    assert_eq!(logged, [panicked.clone(), panicked, more.clone(), more]);
}

#[tokio::test(start_paused = true)]
async fn policy_that_exceeds_the_time_budget_is_blamed_and_not_the_store() {
    #[derive(Debug)]
    struct Hangs;

    #[async_trait]
    impl Policy for Hangs {
        fn name(&self) -> &str {
            "entitlements"
        }

        async fn check(
            &self,
            _: &ResolveRequest,
            _: &SessionRecord,
        ) -> Result<Verdict, PolicyError> {
            std::future::pending().await
        }
    }

    let (log, _guard) = Log::of_this_thread(Level::ERROR);
    let resolver = Resolver::builder()
        .store("agents", memory())
        .policy(Hangs)
        .build()
        .unwrap();
    let app = dcv_resolver_http::router(resolver);
    assert_eq!(post(&app, CONSOLE).await.reason(), "policy_unavailable");
    assert_eq!(log.events()[0]["fields"]["policy"], "entitlements");
}
