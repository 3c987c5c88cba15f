//! Lease tokens and passwords are neither in errors nor in the log.

use dcv_resolver_core::{
    Expiry, LeaseToken, OnConflict, SessionImport, SessionListing, SessionRegistry, SessionStore,
    StoreError,
};
use dcv_resolver_redis::RedisStore;
use tracing::Level;

use crate::support::{Answer, Log, Scripted, Server, id, now, patient, record};

const TOKEN: LeaseToken = LeaseToken::from_bytes([0x5e; 16]);
const PASSWORD: &str = "tr0ub4dor-9f8e7d";

/// Makes every call that sends a token, and returns why each failed.
async fn errors(store: &RedisStore) -> Vec<StoreError> {
    let session = id("console");
    let mut errors = Vec::new();
    errors.extend(store.lookup(&session).await.err());
    errors.extend(store.ping().await.err());
    let record = record(&session);
    if let Err(error) = store.register(&record, &TOKEN, now()).await {
        errors.push(error.store_error().unwrap().clone());
    }
    if let Err(error) = store.renew(&session, &TOKEN, Expiry::Never, now()).await {
        errors.extend(error.store_error().cloned());
    }
    errors.extend(store.deregister(&session, &TOKEN).await.err());
    let imported = store
        .import(&[record], &TOKEN, OnConflict::Overwrite, now())
        .await;
    errors.extend(imported.err());
    errors.extend(store.sweep(now()).await.err());
    if let Err(error) = store.list(None, 10.try_into().unwrap()).await {
        errors.push(error.store_error().unwrap().clone());
    }
    errors.extend(store.warnings().await.err());
    errors
}

fn assert_discreet(errors: &[StoreError], store: &RedisStore, log: &Log) {
    let token = TOKEN.expose_hex();
    let logged = log.logged().join("\n");
    let mut shown = vec![format!("{store:?} {store:#?}"), logged];
    for error in errors {
        println!("{}", error.chain());
        shown.push(format!("{error} {error:?} {error:#?} {}", error.chain()));
    }
    for shown in shown {
        assert!(!shown.contains(&*token), "a token is shown");
        assert!(!shown.contains(PASSWORD), "a password is shown");
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn server_that_refuses_commands_quotes_no_secret() {
    let rename = |name| ["--rename-command", name, ""];
    let password = ["--requirepass", PASSWORD];
    for arguments in [
        [&rename("EVAL")[..], &rename("EVALSHA"), &password].concat(),
        [&rename("HELLO")[..], &rename("EVALSHA"), &password].concat(),
        [&rename("HELLO")[..], &rename("AUTH"), &[]].concat(),
    ] {
        let server = Server::start_with(&arguments).await;
        let url = format!("redis://:{PASSWORD}@127.0.0.1:{}", server.port);
        let (log, _guard) = Log::of_this_thread(Level::TRACE);
        let store = RedisStore::new(patient(url.parse().unwrap()));
        let errors = errors(&store).await;
        assert!(errors.len() >= 4, "{errors:?}");
        assert_discreet(&errors, &store, &log);
    }
}

#[tokio::test]
async fn server_that_repeats_what_it_was_sent_is_not_quoted() {
    // With the code of a known error, of another, and without any.
    for code in [
        "ERR",
        "NOPERM",
        "PROXYERR",
        "LOADING",
        "WRONGTYPE",
        "OOM",
        "MOVED 1 a:1",
    ] {
        let server = Scripted::start(None, move |words| match words {
            [first, ..] if first == "CLIENT" => Answer::Line("+OK".to_owned()),
            words => Answer::Line(format!("-{code} cannot do {}", words.join(" "))),
        })
        .await;
        let url = format!("redis://:{PASSWORD}@127.0.0.1:{}", server.port);
        let (log, _guard) = Log::of_this_thread(Level::TRACE);
        let store = RedisStore::new(url.parse().unwrap());
        let errors = errors(&store).await;
        assert!(!errors.is_empty());
        assert_discreet(&errors, &store, &log);
        drop(server);
        // The same where only the connection is made.
        let server = Scripted::start(None, move |words| match words {
            [first, ..] if first == "CLIENT" || first == "HELLO" => Answer::Line("+OK".to_owned()),
            words => Answer::Line(format!("-{code} cannot do {}", words.join(" "))),
        })
        .await;
        let url = format!("redis://:{PASSWORD}@127.0.0.1:{}", server.port);
        let store = RedisStore::new(url.parse().unwrap());
        let errors = self::errors(&store).await;
        assert!(errors.len() >= 8, "{errors:?}");
        assert_discreet(&errors, &store, &log);
    }
}
