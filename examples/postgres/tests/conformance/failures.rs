//! What the conformance suite cannot cause: failures that only PostgreSQL has.

use std::sync::Arc;
use std::time::Instant;

use dcv_resolver_conformance::Fixture;
use dcv_resolver_core::testing::{RecordedEvent, RecordingListener, session};
use dcv_resolver_core::{ChangeSource, SessionRegistry, SessionStore, StoreErrorKind};

use crate::{Schema, server};

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn missing_table_is_incompatible() {
    let schema = Schema::new().await;
    schema.execute("DROP TABLE dcv_session").await;
    let store = schema.open().await;
    let error = store.lookup(session("ann").id()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Incompatible);
    assert_eq!(
        store.ping().await.unwrap_err().kind(),
        StoreErrorKind::Incompatible
    );
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn row_that_is_not_a_record_is_corrupt_and_a_newer_one_incompatible() {
    let schema = Schema::new().await;
    let record = r#"{"id":"bob","host":"ws.example","http_port":1,"expires_at_ms":null}"#;
    for (record, kind) in [
        ("{}", StoreErrorKind::CorruptRecord),
        // That of another session.
        (record, StoreErrorKind::CorruptRecord),
        (r#"{"version":2}"#, StoreErrorKind::Incompatible),
    ] {
        let insert = format!("INSERT INTO dcv_session (id, record) VALUES ('ann', '{record}')");
        schema.execute(&insert).await;
        let store = schema.open().await;
        let error = store.lookup(session("ann").id()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{record}");
        schema.execute("TRUNCATE dcv_session").await;
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn read_only_database_answers_and_is_not_writable() {
    let schema = Schema::new().await;
    let read_only = [("default_transaction_read_only", "on")];
    let store = schema.store(server::options().options(read_only));
    assert_eq!(store.lookup(session("ann").id()).await.unwrap(), None);
    let error = store.check_writable().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotWritable);
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn table_without_its_triggers_cannot_report_changes() {
    for trigger in ["dcv_session_changed", "dcv_session_truncated"] {
        let schema = Schema::new().await;
        schema
            .execute(&format!("DROP TRIGGER {trigger} ON dcv_session"))
            .await;
        let listener = RecordingListener::new();
        tokio::spawn(schema.elsewhere().watch_changes(Arc::new(listener.clone())));
        listener.until(|_| true).await;
        assert_eq!(listener.events(), [RecordedEvent::Unsupported], "{trigger}");
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn truncated_table_is_reported() {
    let schema = Schema::new().await;
    let listener = RecordingListener::new();
    tokio::spawn(schema.elsewhere().watch_changes(Arc::new(listener.clone())));
    for count in [1, 2] {
        let now = Instant::now();
        let is_later =
            |event: &RecordedEvent| matches!(event, RecordedEvent::CaughtUp(at) if *at >= now);
        listener.until(is_later).await;
        let events = listener.events();
        let all = events
            .iter()
            .filter(|event| **event == RecordedEvent::AllChanged);
        assert_eq!(all.count(), count, "{events:?}");
        schema.execute("TRUNCATE dcv_session").await;
    }
}
