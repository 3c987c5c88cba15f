//! RESP3, and RESP2 where that is refused or configured.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dcv_resolver_core::{SessionStore, StoreErrorKind};
use dcv_resolver_redis::{RedisProtocol, RedisStore};
use tracing::Level;

use crate::support::{Answer, Log, Scripted, Server, fill, id, patient, patient_store};

/// A proxy that answers `HELLO` so, or closes the connection.
async fn refusing(server: &Server, reply: Option<&'static str>) -> Scripted {
    Scripted::start(Some(server.port), move |words| match (&*words[0], reply) {
        ("HELLO", Some(line)) => Answer::Line(line.to_owned()),
        ("HELLO", None) => Answer::Close,
        _ => Answer::Pass,
    })
    .await
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn any_refusal_of_hello_falls_back_to_resp2() {
    let server = Server::start().await;
    fill(&patient_store(&server.url()), 1).await;
    for reply in [
        Some("-ERR unknown command `HELLO`, with args beginning with: `3`"),
        Some("-ERR unknown command 'HELLO', with args beginning with: '3'"),
        Some("-ERR unknown command"),
        Some("-unsupported command"),
        Some("-ERR unsupported command 'hello'"),
        Some("-ERR Protocol error, command not allowed"),
        Some("-NOPROTO unsupported protocol version"),
        Some("-NOPERM this user has no permissions to run the 'hello' command"),
        Some("-ERR syntax error"),
        Some("-ERR"),
        Some("-PROXYERROR hello is disabled"),
        None,
    ] {
        let proxy = refusing(&server, reply).await;
        let (log, _guard) = Log::of_this_thread(Level::INFO);
        let store = patient_store(&proxy.url());
        let found = store.lookup(&id("s-0")).await;
        assert!(found.unwrap().is_some(), "{reply:?}");
        assert_eq!(proxy.connections(), 2, "{reply:?}");
        let logged = log.logged();
        let fallen_back = logged.iter().filter(|text| text.contains("RESP2"));
        assert_eq!(fallen_back.count(), 1, "{logged:?}");
    }
}

#[tokio::test]
async fn refusal_of_the_user_or_of_every_command_does_not_fall_back() {
    for (reply, kind) in [
        (
            "-NOAUTH Authentication required.",
            StoreErrorKind::AccessDenied,
        ),
        (
            "-WRONGPASS invalid username-password pair",
            StoreErrorKind::AccessDenied,
        ),
        (
            "-LOADING Redis is loading the dataset",
            StoreErrorKind::Unavailable,
        ),
        (
            "-ERR max number of clients reached",
            StoreErrorKind::Unavailable,
        ),
    ] {
        let server = Scripted::start(None, move |_| Answer::Line(reply.to_owned())).await;
        let error = patient_store(&server.url())
            .lookup(&id("a"))
            .await
            .unwrap_err();
        println!("{}", error.chain());
        assert_eq!(error.kind(), kind, "{}", error.chain());
        assert_eq!(server.connections(), 1, "{reply}");
    }
}

#[tokio::test]
async fn proxy_that_wants_auth_before_hello_is_spoken_to_in_resp2() {
    let proxy = Scripted::start(None, |words| {
        Answer::Line(match &*words[0] {
            "HELLO" => "-NOAUTH Authentication required.".to_owned(),
            "GET" => "$-1".to_owned(),
            _ => "+OK".to_owned(),
        })
    })
    .await;
    let config = patient(proxy.url().parse().unwrap());
    let store = RedisStore::new(config.password("tr0ub4dor"));
    assert_eq!(store.lookup(&id("a")).await.unwrap(), None);
    assert_eq!(proxy.connections(), 2);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn configured_protocol_is_the_only_one() {
    let server = Server::start().await;
    fill(&patient_store(&server.url()), 1).await;
    let hellos = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&hellos);
    let proxy = Scripted::start(Some(server.port), move |words| match &*words[0] {
        "HELLO" => {
            counted.fetch_add(1, Ordering::SeqCst);
            Answer::Line("-unsupported command".to_owned())
        }
        _ => Answer::Pass,
    })
    .await;
    let config = || patient(proxy.url().parse().unwrap());
    let store = RedisStore::new(config().protocol(RedisProtocol::Resp2));
    assert!(store.lookup(&id("s-0")).await.unwrap().is_some());
    assert_eq!(hellos.load(Ordering::SeqCst), 0);
    let store = RedisStore::new(config().protocol(RedisProtocol::Resp3));
    let error = store.lookup(&id("s-0")).await.unwrap_err();
    assert!(error.chain().to_string().contains("unsupported command"));
    assert_eq!(hellos.load(Ordering::SeqCst), 1);
}
