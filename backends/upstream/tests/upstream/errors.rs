//! The kind of each failure.

use std::time::Duration;

use dcv_resolver_core::{SessionStore, StoreError, StoreErrorKind, Transport};
use dcv_resolver_test_support::port::free_port;
use dcv_resolver_upstream::{UpstreamConfig, UpstreamStore};
use tokio::net::TcpListener;

use crate::support::{destination, start_scripted, store};

/// Returns the failure of a lookup, which is that of a ping as well.
async fn failure(store: &UpstreamStore) -> StoreError {
    let error = store.lookup(&"a".parse().unwrap()).await.unwrap_err();
    assert_eq!(store.ping().await.unwrap_err().kind(), error.kind());
    error
}

async fn kind_of(status: u16, body: &str) -> StoreErrorKind {
    let body = body.to_owned();
    let address = start_scripted(move |_| (status, body.clone())).await;
    failure(&store(address)).await.kind()
}

#[tokio::test]
async fn status_decides_the_kind() {
    for (status, kind) in [
        (500, StoreErrorKind::Unavailable),
        (503, StoreErrorKind::Unavailable),
        (429, StoreErrorKind::Unavailable),
        (504, StoreErrorKind::TimedOut),
        (401, StoreErrorKind::AccessDenied),
        (403, StoreErrorKind::AccessDenied),
        (400, StoreErrorKind::Incompatible),
        (405, StoreErrorKind::Incompatible),
        (302, StoreErrorKind::Incompatible),
    ] {
        assert_eq!(kind_of(status, "").await, kind, "{status}");
    }
}

#[tokio::test]
async fn broken_contract_is_an_error() {
    let mut other_type = destination(Transport::Http, 8443);
    other_type["Port"] = "8443".into();
    for (body, kind) in [
        ("", StoreErrorKind::Incompatible),
        ("<html>", StoreErrorKind::Incompatible),
        ("null", StoreErrorKind::Incompatible),
        ("{}", StoreErrorKind::CorruptRecord),
        (&other_type.to_string(), StoreErrorKind::CorruptRecord),
    ] {
        assert_eq!(kind_of(200, body).await, kind, "{body}");
    }
}

#[tokio::test]
async fn closed_port_is_unavailable_and_named() {
    let address = ([127, 0, 0, 1], free_port()).into();
    let error = failure(&store(address)).await;
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert_eq!(
        error.chain().to_string(),
        format!(
            "upstream: the store cannot be reached: cannot connect to {address} at 127.0.0.1: \
             Connection refused (os error 111)"
        )
    );
}

#[tokio::test]
async fn upstream_that_does_not_answer_is_timed_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = format!("http://{address}")
        .parse::<UpstreamConfig>()
        .unwrap();
    let config = config.response_timeout(Duration::from_millis(50));
    let error = failure(&UpstreamStore::new(config).unwrap()).await;
    assert_eq!(error.kind(), StoreErrorKind::TimedOut);
}

/// The server of another service, with our kind of 404.
#[tokio::test]
async fn own_404_for_a_wrong_path_is_an_error() {
    let kind = kind_of(404, r#"{"reason":"no_such_path"}"#).await;
    assert_eq!(kind, StoreErrorKind::Incompatible);
}

#[test]
fn file_that_cannot_be_used_is_an_invalid_configuration() {
    let config = "https://broker.example".parse::<UpstreamConfig>().unwrap();
    let error = UpstreamStore::new(config.ca_file("/nowhere/ca.pem")).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::InvalidConfig);
    let chain = error.chain().to_string();
    assert!(chain.contains("cannot read /nowhere/ca.pem: "), "{chain}");
}

#[test]
fn debug_shows_no_path() {
    let config = "http://broker.example:8447/tr0ub4dor"
        .parse::<UpstreamConfig>()
        .unwrap();
    let store = UpstreamStore::new(config.clone()).unwrap();
    assert!(!format!("{config:?}").contains("tr0ub4dor"));
    assert_eq!(
        format!("{store:?}"),
        "UpstreamStore(http://broker.example:8447)"
    );
}
