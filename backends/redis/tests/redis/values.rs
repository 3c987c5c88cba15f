//! Values under the keys: of this store, foreign, damaged.

use std::time::Duration;

use dcv_resolver_core::{
    Expiry, LeaseToken, OnConflict, RegisterError, SessionImport, SessionListing, SessionRegistry,
    SessionStore, StoreErrorKind, Timestamp,
};
use dcv_resolver_redis::RedisStore;

use crate::support::{OTHER_TOKEN, Server, TOKEN, fill, id, now, patient, patient_store, record};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn foreign_value_is_an_error_with_the_key_and_is_not_changed() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    let session = id("console");
    let key = "dcv:session:console";
    let mut admin = server.admin().await;
    let big = "x".repeat(10 << 20);
    for (command, arguments, kind) in [
        (
            "SET",
            ["hello", ""].as_slice(),
            StoreErrorKind::CorruptRecord,
        ),
        (
            "SET",
            &["dcv-session/3 something new"],
            StoreErrorKind::Incompatible,
        ),
        (
            "SET",
            &["dcv-session/1 never none"],
            StoreErrorKind::CorruptRecord,
        ),
        (
            "SET",
            &["dcv-session/1 soon none\ngarbage"],
            StoreErrorKind::CorruptRecord,
        ),
        (
            "SET",
            &["dcv-session/1 1767323045000 zz\n"],
            StoreErrorKind::CorruptRecord,
        ),
        (
            "SET",
            &["dcv-session/1 0001 none\n{}"],
            StoreErrorKind::CorruptRecord,
        ),
        (
            "SET",
            &["dcv-session/1 -0 none\n{}"],
            StoreErrorKind::CorruptRecord,
        ),
        (
            "SET",
            &["dcv-session/1 1 A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5\n{}"],
            StoreErrorKind::CorruptRecord,
        ),
        ("SET", &[&big], StoreErrorKind::CorruptRecord),
        ("SET", &[""], StoreErrorKind::CorruptRecord),
        ("HSET", &["field", "value"], StoreErrorKind::CorruptRecord),
        ("LPUSH", &["value"], StoreErrorKind::CorruptRecord),
    ] {
        redis::cmd("DEL")
            .arg(key)
            .exec_async(&mut admin)
            .await
            .unwrap();
        let arguments: Vec<_> = match command {
            "SET" => arguments[..1].to_vec(),
            _ => arguments.to_vec(),
        };
        redis::cmd(command)
            .arg(key)
            .arg(arguments)
            .exec_async(&mut admin)
            .await
            .unwrap();
        let dump: Vec<u8> = redis::cmd("DUMP")
            .arg(key)
            .query_async(&mut admin)
            .await
            .unwrap();

        let mut errors = vec![store.lookup(&session).await.unwrap_err()];
        let refused = store.register(&record(&session), &TOKEN, now()).await;
        errors.push(refused.unwrap_err().store_error().unwrap().clone());
        errors.push(
            store
                .import(&[record(&session)], &TOKEN, OnConflict::Overwrite, now())
                .await
                .unwrap_err(),
        );
        let refused = store.renew(&session, &TOKEN, Expiry::Never, now()).await;
        errors.push(refused.unwrap_err().store_error().unwrap().clone());
        errors.push(store.deregister(&session, &TOKEN).await.unwrap_err());
        let mut page = store.list(None, 10.try_into().unwrap()).await.unwrap();
        assert_eq!(page.unreadable.len(), 1);
        errors.append(&mut page.unreadable);
        for error in errors {
            assert_eq!(error.kind(), kind, "{}", error.chain());
            assert!(error.chain().to_string().contains(key), "{}", error.chain());
        }
        assert_eq!(
            store
                .sweep(Timestamp::from_unix_ms(i64::MAX))
                .await
                .unwrap(),
            0
        );

        let after: Vec<u8> = redis::cmd("DUMP")
            .arg(key)
            .query_async(&mut admin)
            .await
            .unwrap();
        assert_eq!(after, dump, "{command} was changed");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn stored_form_of_a_newer_version_is_incompatible() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    redis::cmd("SET")
        .arg("dcv:session:console")
        .arg("dcv-session/1 never none\n{\"version\":2,\"id\":[]}")
        .exec_async(&mut server.admin().await)
        .await
        .unwrap();
    let error = store.lookup(&id("console")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Incompatible);
    fill(&store, 3).await;
    let page = store.list(None, 10.try_into().unwrap()).await.unwrap();
    assert_eq!(page.records.len(), 3);
    assert_eq!(page.unreadable[0].kind(), StoreErrorKind::Incompatible);
}

/// As an earlier version of this program has written it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn lease_with_its_token_in_clear_is_accepted_and_replaced_by_the_digest() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    let session = id("console");
    let record = record(&session);
    let set = async || {
        let body = serde_json::to_string(&record).unwrap();
        let value = format!("dcv-session/1 never {}\n{body}", TOKEN.expose_hex());
        let mut command = redis::cmd("SET");
        command.arg("dcv:session:console").arg(value);
        command.exec_async(&mut server.admin().await).await.unwrap();
    };
    let is_hashed = async || {
        let value: String =
            redis::from_redis_value(server.run("GET dcv:session:console").await).unwrap();
        assert!(!value.contains(&*TOKEN.expose_hex()), "{value}");
        assert!(value.contains(" sha256:"), "{value}");
    };
    set().await;
    let refused = store
        .renew(&session, &OTHER_TOKEN, Expiry::Never, now())
        .await;
    assert!(refused.is_err());
    assert!(!store.deregister(&session, &OTHER_TOKEN).await.unwrap());
    let refused = store.register(&record, &OTHER_TOKEN, now()).await;
    assert!(matches!(refused, Err(RegisterError::AlreadyExists)));
    store
        .renew(&session, &TOKEN, Expiry::Never, now())
        .await
        .unwrap();
    is_hashed().await;
    set().await;
    store.register(&record, &TOKEN, now()).await.unwrap();
    is_hashed().await;
    set().await;
    assert!(store.deregister(&session, &TOKEN).await.unwrap());
    // The digest of a token is no token.
    let digest = &TOKEN.digest()[..16];
    let digest = LeaseToken::from_bytes(digest.try_into().unwrap());
    store.register(&record, &TOKEN, now()).await.unwrap();
    assert!(!store.deregister(&session, &digest).await.unwrap());
}

/// It may have what this version does not know and would lose.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn live_record_of_a_newer_form_is_not_replaced() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    let session = id("console");
    let set = async |expiry: &str| {
        let token = TOKEN.expose_hex();
        redis::cmd("SET")
            .arg("dcv:session:console")
            .arg(format!(
                "dcv-session/1 {expiry} {}\n{{\"version\":2}}",
                &*token
            ))
            .exec_async(&mut server.admin().await)
            .await
            .unwrap();
    };
    set("never").await;
    let record = record(&session);
    let refused = store.register(&record, &TOKEN, now()).await.unwrap_err();
    let refused = refused.store_error().unwrap().kind();
    assert_eq!(refused, StoreErrorKind::Incompatible);
    let refused = store
        .import(
            std::slice::from_ref(&record),
            &OTHER_TOKEN,
            OnConflict::Overwrite,
            now(),
        )
        .await;
    assert_eq!(refused.unwrap_err().kind(), StoreErrorKind::Incompatible);
    // What concerns the first line alone works.
    store
        .renew(&session, &TOKEN, Expiry::Never, now())
        .await
        .unwrap();
    set("1").await;
    store.register(&record, &OTHER_TOKEN, now()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn ping_succeeds_with_any_value_under_its_key() {
    let server = Server::start().await;
    server.run("HSET dcv:session: field value").await;
    patient_store(&server.url()).ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn times_beyond_float_precision_are_compared_exactly() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    let at = |ms| Timestamp::from_unix_ms(ms);
    for expires_at in [
        i64::MAX,
        i64::MAX - 1,
        (1 << 53) + 1,
        1_767_323_045_000,
        10,
        1,
        0,
        -1,
        -10,
        i64::MIN + 2,
    ] {
        let session = id(&format!("at {expires_at}"));
        let record = record(&session).with_expiry(Expiry::At(at(expires_at)));
        store
            .register(&record, &TOKEN, at(expires_at - 2))
            .await
            .unwrap();
        assert_eq!(
            store.lookup(&session).await.unwrap().as_ref(),
            Some(&record)
        );
        let before = at(expires_at - 1);
        let refused = store
            .register(&record, &OTHER_TOKEN, before)
            .await
            .unwrap_err();
        assert!(
            matches!(refused, RegisterError::AlreadyExists),
            "{expires_at}: {refused}"
        );
        assert_eq!(store.sweep(before).await.unwrap(), 0, "{expires_at}");
        assert_eq!(
            store.sweep(at(expires_at)).await.unwrap(),
            1,
            "{expires_at}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn redis_removes_key_a_grace_after_expiry_with_any_callers_clock() {
    let server = Server::start().await;
    let config = patient(server.url().parse().unwrap());
    let store = RedisStore::new(config.expired_key_grace(Duration::from_secs(60)));
    let session = id("console");
    let ttl_ms = async || -> i64 {
        let mut command = redis::cmd("PTTL");
        command.arg("dcv:session:console");
        command
            .query_async(&mut server.admin().await)
            .await
            .unwrap()
    };
    // A caller in the year 2030, and one in 1970.
    for now in [now(), Timestamp::from_unix_ms(0)] {
        let expiry = Expiry::At(now.saturating_add(Duration::from_secs(30)));
        let record = record(&session).with_expiry(expiry);
        store.register(&record, &TOKEN, now).await.unwrap();
        assert!((80_000..=90_000).contains(&ttl_ms().await));
        let later = Expiry::At(now.saturating_add(Duration::from_secs(100)));
        store.renew(&session, &TOKEN, later, now).await.unwrap();
        assert!((150_000..=160_000).contains(&ttl_ms().await));
        store
            .renew(&session, &TOKEN, Expiry::Never, now)
            .await
            .unwrap();
        assert_eq!(ttl_ms().await, -1);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn scripts_are_sent_again_after_flush() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    fill(&store, 1).await;
    server.run("SCRIPT FLUSH").await;
    assert!(store.deregister(&id("s-0"), &TOKEN).await.unwrap());
    server.run("SCRIPT FLUSH").await;
    fill(&store, 1_000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn write_is_visible_in_another_store_at_once() {
    let server = Server::start().await;
    let (one, other) = (patient_store(&server.url()), patient_store(&server.url()));
    let session = id("console");
    assert_eq!(other.lookup(&session).await.unwrap(), None);
    for port in 1..=200 {
        let record = record(&session)
            .to_builder()
            .http_port(port)
            .build()
            .unwrap();
        one.register(&record, &TOKEN, now()).await.unwrap();
        assert_eq!(other.lookup(&session).await.unwrap(), Some(record));
    }
    assert!(one.deregister(&session, &TOKEN).await.unwrap());
    assert_eq!(other.lookup(&session).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn prefixes_that_look_like_patterns_keep_stores_apart() {
    let server = Server::start().await;
    let with = |prefix: &str| {
        let config = patient(server.url().parse().unwrap());
        RedisStore::new(config.key_prefix(prefix))
    };
    let (one, other) = (with("a*:"), with("ab:"));
    fill(&one, 3).await;
    fill(&other, 5).await;
    for (store, count) in [(&one, 3), (&other, 5)] {
        let page = store.list(None, 100.try_into().unwrap()).await.unwrap();
        assert_eq!(page.records.len(), count);
    }
    let far = Timestamp::from_unix_ms(i64::MAX);
    assert_eq!(one.sweep(far).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn hundred_thousand_sessions_are_imported() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    let started = tokio::time::Instant::now();
    fill(&store, 100_000).await;
    println!("100,000 sessions imported in {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(120));
}
