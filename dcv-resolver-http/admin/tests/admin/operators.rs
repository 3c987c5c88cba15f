//! Removing a session without its lease token.

use axum::body::Body;
use dcv_resolver_core::{
    Expiry, ImportOutcome, LeaseToken, ListError, MemoryStore, OnConflict, Page, PageToken,
    RegisterError, RenewError, SessionId, SessionImport, SessionListing, SessionRecord,
    SessionRegistry, SessionStore, StoreError, StoreErrorKind, Timestamp, async_trait,
};

use crate::fixture::{Answer, App, BODY, LEASE, READER, WRITER, bearing};
use crate::log::log_of_this_thread;

const OPERATOR: &str = "tr0ub4dor-operat-0123456789abcdef";

fn app(registry: impl SessionImport) -> App {
    let app = App::importing(registry);
    app.add_tokens(&format!("ann operator {OPERATOR}\n"));
    app
}

async fn remove(app: &App, token: &str, id: &str) -> Answer {
    let request = bearing(token, "DELETE", &format!("/v1/sessions/{id}"));
    app.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn operator_removes_a_session_without_its_lease_token() {
    let app = app(MemoryStore::new());
    app.register("a", LEASE, BODY).await.expect(200, "");
    for token in [WRITER, READER] {
        let refused = remove(&app, token, "a").await;
        assert!(refused.status.is_client_error(), "{}", refused.body);
    }
    app.get("/v1/sessions/a").await.expect(200, "");

    let (log, _guard) = log_of_this_thread();
    remove(&app, OPERATOR, "a").await.expect(204, "");
    let events = log.take();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["target"], "dcv_resolver::audit");
    assert_eq!(events[0]["action"], "deregister");
    assert_eq!(events[0]["lease_overridden"], true);
    assert_eq!(events[0]["role"], "operator");
    assert_eq!(events[0]["outcome"], "done");

    app.get("/v1/sessions/a").await.expect(404, "unknown");
    remove(&app, OPERATOR, "a").await.expect(404, "unknown");
    // Its owner notices, and may come back.
    app.renew("a", LEASE, r#"{"ttl_ms":1}"#)
        .await
        .expect(409, "lease_lost");
    app.register("a", LEASE, BODY).await.expect(200, "");
}

#[tokio::test]
async fn error_for_a_writer_says_who_needs_no_lease_token() {
    let app = app(MemoryStore::new());
    let answer = remove(&app, WRITER, "a").await;
    answer.expect(400, "malformed_request");
    assert_eq!(answer.json()["parameter"], "lease-token");
    assert_eq!(
        answer.detail(),
        "the header lease-token is invalid: it is missing; send the token under which the session was registered, or ask an operator: a bearer token with the role operator needs none"
    );
}

/// With one, an operator removes as an owner does.
#[tokio::test]
async fn lease_token_of_an_operator_is_compared() {
    let app = app(MemoryStore::new());
    app.register("a", LEASE, BODY).await.expect(200, "");
    for (lease, status, reason) in [
        ("", 400, "malformed_request"),
        (crate::fixture::OTHER_LEASE, 404, "no_such_lease"),
        (LEASE, 204, ""),
    ] {
        let request = bearing(OPERATOR, "DELETE", "/v1/sessions/a").header("lease-token", lease);
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        answer.expect(status, reason);
    }
}

#[tokio::test]
async fn registry_without_import_requires_the_lease_token() {
    let app = App::new();
    app.add_tokens(&format!("ann operator {OPERATOR}\n"));
    app.register("a", LEASE, BODY).await.expect(200, "");
    remove(&app, OPERATOR, "a")
        .await
        .expect(400, "malformed_request");
    app.get("/v1/sessions/a").await.expect(200, "");
}

#[tokio::test]
async fn operator_removes_only_within_the_limits_of_the_token() {
    let app = App::importing(MemoryStore::new());
    app.add_tokens(&format!("ann operator {OPERATOR} ids=a* hosts=192.0.2.7\n"));
    let elsewhere = r#"{"host":"192.0.2.8","http_port":8443,"ttl_ms":60000}"#;
    app.register("a", LEASE, BODY).await.expect(200, "");
    app.register("a-elsewhere", LEASE, elsewhere)
        .await
        .expect(200, "");
    app.register("b", LEASE, BODY).await.expect(200, "");
    for (id, status, reason) in [
        ("b", 403, "forbidden"),
        ("a-elsewhere", 403, "forbidden"),
        ("a", 204, ""),
    ] {
        remove(&app, OPERATOR, id).await.expect(status, reason);
    }
    app.get("/v1/sessions/b").await.expect(200, "");
    app.get("/v1/sessions/a-elsewhere").await.expect(200, "");
}

/// Cannot be read, and fails to import if it is not writable.
#[derive(Debug)]
struct Damaged {
    store: MemoryStore,
    is_writable: bool,
}

impl Damaged {
    fn new(is_writable: bool) -> Self {
        let record = SessionRecord::builder(
            "a".parse().unwrap(),
            "192.0.2.7".parse().unwrap(),
            Expiry::Never,
        );
        Self {
            store: [record.http_port(1).build().unwrap()].into_iter().collect(),
            is_writable,
        }
    }
}

#[async_trait]
impl SessionStore for Damaged {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        match self.store.lookup(id).await? {
            Some(record) if record.expiry() == Expiry::Never => {
                Err(StoreError::new("damaged", StoreErrorKind::CorruptRecord))
            }
            record => Ok(record),
        }
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }
}

#[async_trait]
impl SessionListing for Damaged {
    async fn list(
        &self,
        page: Option<&PageToken>,
        limit: std::num::NonZeroUsize,
    ) -> Result<Page, ListError> {
        self.store.list(page, limit).await
    }
}

#[async_trait]
impl SessionRegistry for Damaged {
    async fn register(
        &self,
        record: &SessionRecord,
        token: &LeaseToken,
        now: Timestamp,
    ) -> Result<(), RegisterError> {
        self.store.register(record, token, now).await
    }

    async fn renew(
        &self,
        id: &SessionId,
        token: &LeaseToken,
        expiry: Expiry,
        now: Timestamp,
    ) -> Result<(), RenewError> {
        self.store.renew(id, token, expiry, now).await
    }

    async fn deregister(&self, id: &SessionId, token: &LeaseToken) -> Result<bool, StoreError> {
        self.store.deregister(id, token).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.store.sweep(now).await
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        self.store.check_writable().await
    }
}

#[async_trait]
impl SessionImport for Damaged {
    async fn import(
        &self,
        records: &[SessionRecord],
        token: &LeaseToken,
        on_conflict: OnConflict,
        now: Timestamp,
    ) -> Result<Vec<ImportOutcome>, StoreError> {
        if !self.is_writable {
            return Err(StoreError::new("damaged", StoreErrorKind::NotWritable));
        }
        self.store.import(records, token, on_conflict, now).await
    }
}

#[tokio::test]
async fn operator_removes_a_record_that_cannot_be_read() {
    let app = app(Damaged::new(true));
    app.get("/v1/sessions/a")
        .await
        .expect(500, "internal_error");
    remove(&app, OPERATOR, "a").await.expect(204, "");
    app.get("/v1/sessions/a").await.expect(404, "unknown");
}

#[tokio::test]
async fn record_that_cannot_be_read_is_on_no_host_that_a_token_is_limited_to() {
    let app = App::importing(Damaged::new(true));
    app.add_tokens(&format!("ann operator {OPERATOR} hosts=*\n"));
    remove(&app, OPERATOR, "a").await.expect(403, "forbidden");
}

#[tokio::test]
async fn removal_in_a_store_that_cannot_be_written_is_a_503() {
    let app = app(Damaged::new(false));
    let answer = remove(&app, OPERATOR, "a").await;
    answer.expect(503, "store_unavailable");
    // Without a word about a lease token, which the operator has not.
    assert!(
        answer.detail().ends_with(
            "; the session may or may not have been removed, and it is safe to repeat the request"
        ),
        "{}",
        answer.detail()
    );
}
