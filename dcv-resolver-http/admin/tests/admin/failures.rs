//! A store that fails.

use std::num::NonZeroUsize;

use axum::body::Body;
use axum::http::header::RETRY_AFTER;
use dcv_resolver_core::{
    Expiry, LeaseToken, ListError, Page, PageToken, RegisterError, RenewError, SessionId,
    SessionListing, SessionRecord, SessionRegistry, SessionStore, StoreError, StoreErrorKind,
    Timestamp, async_trait,
};

use crate::fixture::{Answer, App, BODY, LEASE, json};
use crate::log::log_of_this_thread;

/// Fails in the same way at every call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Failing {
    With(StoreErrorKind),
    Hanging,
    Panicking,
}

impl Failing {
    async fn fail<T, E: From<StoreError>>(self) -> Result<T, E> {
        match self {
            Self::With(kind) => Err(StoreError::new("failing", kind)
                .with_source("the cause")
                .into()),
            Self::Hanging => std::future::pending().await,
            Self::Panicking => panic!("as asked"),
        }
    }
}

#[async_trait]
impl SessionStore for Failing {
    async fn lookup(&self, _id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.fail().await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.fail().await
    }
}

#[async_trait]
impl SessionListing for Failing {
    async fn list(
        &self,
        _page: Option<&PageToken>,
        _limit: NonZeroUsize,
    ) -> Result<Page, ListError> {
        self.fail().await
    }
}

#[async_trait]
impl SessionRegistry for Failing {
    async fn register(
        &self,
        _record: &SessionRecord,
        _token: &LeaseToken,
        _now: Timestamp,
    ) -> Result<(), RegisterError> {
        self.fail().await
    }

    async fn renew(
        &self,
        _id: &SessionId,
        _token: &LeaseToken,
        _expiry: Expiry,
        _now: Timestamp,
    ) -> Result<(), RenewError> {
        self.fail().await
    }

    async fn deregister(&self, _id: &SessionId, _token: &LeaseToken) -> Result<bool, StoreError> {
        self.fail().await
    }

    async fn sweep(&self, _now: Timestamp) -> Result<u64, StoreError> {
        self.fail().await
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        self.fail().await
    }
}

const UNKNOWN: &str = "; the change may or may not have been made, and it is safe to repeat it with the same lease token";

/// The answers to a list, a get, a registration, a renewal and a removal.
async fn answers(failing: Failing) -> [Answer; 5] {
    let app = App::over(failing);
    [
        app.get("/v1/sessions").await,
        app.get("/v1/sessions/a").await,
        app.register("a", LEASE, BODY).await,
        app.renew("a", LEASE, r#"{"ttl_ms":1}"#).await,
        app.deregister("a", LEASE).await,
    ]
}

#[tokio::test(start_paused = true)]
async fn failing_store_is_never_a_404() {
    for (failing, status, reason, detail) in [
        (
            Failing::With(StoreErrorKind::Unavailable),
            503,
            "store_unavailable",
            "the session store is unavailable; try again later",
        ),
        (
            Failing::Hanging,
            503,
            "timeout",
            "the session store did not answer in time; try again later",
        ),
        (
            Failing::With(StoreErrorKind::CorruptRecord),
            500,
            "internal_error",
            "internal error; see the resolver's log for the x-request-id of this response",
        ),
        (
            Failing::Panicking,
            500,
            "internal_error",
            "internal error; see the resolver's log for the x-request-id of this response",
        ),
    ] {
        for (position, answer) in answers(failing).await.into_iter().enumerate() {
            answer.expect(status, reason);
            let unknown = if position < 2 { "" } else { UNKNOWN };
            assert_eq!(answer.detail(), format!("{detail}{unknown}"));
            assert_eq!(answer.headers.contains_key(RETRY_AFTER), status == 503);
        }
    }
}

/// Otherwise no client could change a session that was stored before the failure,
/// until it expires.
#[tokio::test]
async fn generated_lease_token_is_returned_when_the_store_failed() {
    let app = App::over(Failing::With(StoreErrorKind::Unavailable));
    let request = json("PUT", "/v1/sessions/a").body(BODY.into()).unwrap();
    let answer = app.send(request).await;
    answer.expect(503, "store_unavailable");
    assert_eq!(answer.headers["lease-token"].len(), 32);
    assert!(
        !app.register("a", LEASE, BODY)
            .await
            .headers
            .contains_key("lease-token")
    );
}

#[tokio::test(start_paused = true)]
async fn time_budget_counts_from_the_arrival() {
    let app = App::over(Failing::Hanging);
    let started = tokio::time::Instant::now();
    app.get("/v1/sessions").await.expect(503, "timeout");
    assert_eq!(started.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn error_of_a_store_is_logged_and_not_sent() {
    let (log, _guard) = log_of_this_thread();
    for failing in [
        Failing::With(StoreErrorKind::Unavailable),
        Failing::Panicking,
    ] {
        for answer in answers(failing).await {
            assert!(!answer.body.contains("cause") && !answer.body.contains("as asked"));
        }
    }
    let events = log.take();
    let errors: Vec<_> = events
        .iter()
        .filter(|event| event["level"] == "ERROR")
        .map(|event| {
            (
                event["target"].as_str().unwrap(),
                event["error"].as_str().unwrap(),
            )
        })
        .collect();
    let (looks, changes) = ("dcv_resolver::admin", "dcv_resolver::audit");
    let (cause, panic) = (
        "failing: the store cannot be reached: the cause",
        "panicked: as asked",
    );
    assert_eq!(
        errors,
        [
            (looks, cause),
            (looks, cause),
            (changes, cause),
            (changes, cause),
            (changes, cause),
            (looks, panic),
            (looks, panic),
            (changes, panic),
            (changes, panic),
            (changes, panic),
        ]
    );
}

#[tokio::test]
async fn abandoned_change_is_audited() {
    let (log, _guard) = log_of_this_thread();
    let app = App::over(Failing::Hanging);
    {
        let request = json("DELETE", "/v1/sessions/a").header("lease-token", LEASE);
        let answering = app.send(request.body(Body::empty()).unwrap());
        let mut answering = std::pin::pin!(answering);
        assert!(futures_util::poll!(&mut answering).is_pending());
    }
    let events = log.take();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["target"], "dcv_resolver::audit");
    assert_eq!(events[0]["level"], "WARN");
    assert_eq!(events[0]["outcome"], "abandoned");
    assert_eq!(events[0]["session_id"], "a");
    assert_eq!(app.observed.take(), ["deregister abandoned"]);
}

#[tokio::test]
async fn failed_requests_are_observed() {
    let app = App::over(Failing::With(StoreErrorKind::NotWritable));
    app.get("/v1/sessions").await;
    app.register("a", LEASE, BODY).await;
    app.renew("a", LEASE, r#"{"ttl_ms":1}"#).await;
    assert_eq!(
        app.observed.take(),
        ["list failed", "register failed", "renew failed"]
    );
}
