//! One record of two answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dcv_resolver_core::testing::FaultyStore;
use dcv_resolver_core::{
    Expiry, MemoryStore, SessionId, SessionRecord, SessionStore, StoreError, StoreErrorKind,
    Transport,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::support::{destination, start_resolver, start_scripted, store};

const NOT_FOUND: (u16, String) = (404, String::new());

async fn lookup(
    answer: impl Fn(Transport) -> (u16, String) + Send + 'static,
) -> Result<Option<SessionRecord>, StoreError> {
    let address = start_scripted(answer).await;
    store(address).lookup(&"i-0abc".parse().unwrap()).await
}

fn ok(answer: &Value) -> (u16, String) {
    (200, answer.to_string())
}

#[tokio::test]
async fn both_answers_are_one_record() {
    let found = lookup(|transport| match transport {
        Transport::Http => ok(&destination(transport, 8443)),
        Transport::Quic => ok(&destination(transport, 8444)),
    });
    let record = found.await.unwrap().unwrap();
    let expected = SessionRecord::builder(
        "i-0abc".parse().unwrap(),
        "ws-17.dcv.example".parse().unwrap(),
        Expiry::Never,
    )
    .target_id("console".parse::<SessionId>().unwrap())
    .web_url_path("/desktop".parse().unwrap())
    .http_port(8443)
    .quic_port(8444)
    .build();
    assert_eq!(Ok(record), expected);
}

#[tokio::test]
async fn transport_with_a_404_is_not_offered() {
    for (offered, other) in [
        (Transport::Http, Transport::Quic),
        (Transport::Quic, Transport::Http),
    ] {
        let found = lookup(move |transport| {
            if transport == offered {
                ok(&destination(transport, 8443))
            } else {
                NOT_FOUND
            }
        });
        let record = found.await.unwrap().unwrap();
        assert_eq!(record.port(offered), Some(8443));
        assert_eq!(record.port(other), None);
    }
}

#[tokio::test]
async fn session_with_a_404_for_both_does_not_exist() {
    assert_eq!(lookup(|_| NOT_FOUND).await.unwrap(), None);
}

#[tokio::test]
async fn failure_of_one_answer_is_never_absence() {
    for failing in [Transport::Http, Transport::Quic] {
        for other_is_found in [true, false] {
            let found = lookup(move |transport| {
                if transport == failing {
                    (503, String::new())
                } else if other_is_found {
                    ok(&destination(transport, 8443))
                } else {
                    NOT_FOUND
                }
            });
            let error = found.await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{failing}");
        }
    }
}

#[tokio::test]
async fn answers_for_two_servers_are_a_corrupt_record() {
    for (key, value, what) in [
        ("DcvServerEndpoint", "ws-18.dcv.example", "hosts"),
        ("SessionId", "another", "session ids"),
        ("WebUrlPath", "/", "paths"),
    ] {
        let mut quic = destination(Transport::Quic, 8444);
        quic[key] = json!(value);
        let found = lookup(move |transport| match transport {
            Transport::Http => ok(&destination(transport, 8443)),
            Transport::Quic => ok(&quic),
        });
        let error = found.await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::CorruptRecord);
        assert_eq!(
            error.chain().to_string(),
            format!(
                "upstream: a stored record is damaged: the upstream answers with different {what} \
                 for HTTP and QUIC; both must lead to the same session"
            )
        );
    }
}

#[tokio::test]
async fn any_answer_to_a_ping_is_success() {
    let address = start_scripted(|_| NOT_FOUND).await;
    store(address).ping().await.unwrap();
    let address = start_scripted(|transport| ok(&destination(transport, 8443))).await;
    store(address).ping().await.unwrap();
    let address = start_scripted(|_| (503, String::new())).await;
    let error = store(address).ping().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
}

#[tokio::test]
async fn only_so_many_lookups_are_sent_at_once() {
    const LOOKUPS: usize = 100;
    /// One for each transport.
    const MAX_REQUESTS: usize = 2 * 32;
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let gate = Arc::new(Semaphore::new(0));
    let sessions = FaultyStore::new(MemoryStore::new()).delayed({
        let most = Arc::clone(&most);
        move || {
            let (now, most, gate) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&gate));
            async move {
                let requests = now.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(requests, Ordering::SeqCst);
                if requests == MAX_REQUESTS {
                    // Others that were sent arrive meanwhile.
                    for _ in 0..1_000 {
                        tokio::task::yield_now().await;
                    }
                    gate.add_permits(2 * LOOKUPS);
                }
                gate.acquire().await.unwrap().forget();
                now.fetch_sub(1, Ordering::SeqCst);
            }
        }
    });
    let store = Arc::new(store(start_resolver(sessions)));
    let lookups = (0..LOOKUPS).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.lookup(&"a".parse().unwrap()).await })
    });
    for lookup in lookups.collect::<Vec<_>>() {
        assert_eq!(lookup.await.unwrap().unwrap(), None);
    }
    assert_eq!(most.load(Ordering::SeqCst), MAX_REQUESTS);
}
