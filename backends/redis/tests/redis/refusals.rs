//! A server that refuses: each refusal has its own kind of error, is not an
//! absence, and ends with its cause.

use std::time::Duration;

use dcv_resolver_core::{
    SessionListing, SessionRegistry, SessionStore, StoreError, StoreErrorKind,
};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::support::{
    Patience, RECOVERED, Server, TOKEN, fill, id, now, patient_store, record, store,
};

const PASSWORD: &str = "tr0ub4dor-9f8e7d";

/// Nothing that people may see holds the password.
fn assert_discreet(error: &StoreError) {
    let shown = format!("{error} {error:?} {:#?} {}", error, error.chain());
    assert!(!shown.contains(PASSWORD), "{shown}");
}

async fn recovers(store: &dyn SessionStore, fault: &str, kind: StoreErrorKind) {
    let repaired = Instant::now();
    let patience = Patience::until("it is served again");
    while store.lookup(&id("s-0")).await.is_err() {
        patience.wait().await;
    }
    let recovered = repaired.elapsed();
    println!("| {fault} | {kind:?} | recovered {recovered:?} |");
    assert!(recovered < RECOVERED, "{recovered:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn wrong_password_is_access_denied() {
    let server = Server::start().await;
    fill(&patient_store(&server.url()), 1).await;
    let with_password = patient_store(&format!("redis://:{PASSWORD}@127.0.0.1:{}", server.port));
    let mut admin = server.admin().await;
    let mut require = async |password: &str| {
        let mut command = redis::cmd("CONFIG");
        command.arg("SET").arg("requirepass").arg(password);
        command.exec_async(&mut admin).await.unwrap();
    };
    require("another").await;
    for url in [
        server.url(),
        format!("redis://:{PASSWORD}@127.0.0.1:{}", server.port),
        format!("redis://ann:{PASSWORD}@127.0.0.1:{}", server.port),
    ] {
        let error = patient_store(&url).lookup(&id("s-0")).await.unwrap_err();
        assert_eq!(
            error.kind(),
            StoreErrorKind::AccessDenied,
            "{}",
            error.chain()
        );
        assert_discreet(&error);
    }
    with_password.lookup(&id("s-0")).await.unwrap_err();
    require(PASSWORD).await;
    recovers(
        &with_password,
        "wrong password",
        StoreErrorKind::AccessDenied,
    )
    .await;
    let shown = format!("{with_password:?} {with_password:#?}");
    assert!(!shown.contains(PASSWORD), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn acl_that_denies_reading_is_access_denied() {
    let server = Server::start().await;
    fill(&patient_store(&server.url()), 1).await;
    let rules = format!("ACL SETUSER ann on >{PASSWORD} ~dcv:session:* +@all -get");
    server.run(&rules).await;
    let store = patient_store(&format!("redis://ann:{PASSWORD}@127.0.0.1:{}", server.port));
    for error in [
        store.lookup(&id("s-0")).await.unwrap_err(),
        store.ping().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::AccessDenied);
        assert_discreet(&error);
    }
    server.run("ACL SETUSER ann +get").await;
    recovers(&store, "denied by ACL", StoreErrorKind::AccessDenied).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn permissions_in_readme_suffice() {
    let server = Server::start().await;
    server
        .run(&format!(
            "ACL SETUSER ann on >{PASSWORD} resetkeys ~dcv:session:* resetchannels \
             +get +set +del +eval +evalsha +scan +info +ping"
        ))
        .await;
    let store = patient_store(&format!("redis://ann:{PASSWORD}@127.0.0.1:{}", server.port));
    fill(&store, 3).await;
    assert!(store.lookup(&id("s-0")).await.unwrap().is_some());
    assert!(store.deregister(&id("s-0"), &TOKEN).await.unwrap());
    let page = store.list(None, 10.try_into().unwrap()).await.unwrap();
    assert_eq!(page.records.len(), 2);
    assert_eq!(store.sweep(now()).await.unwrap(), 0);

    let with_database = patient_store(&format!(
        "redis://ann:{PASSWORD}@127.0.0.1:{}/3",
        server.port
    ));
    let error = with_database.lookup(&id("s-0")).await.unwrap_err();
    assert_eq!(
        error.kind(),
        StoreErrorKind::AccessDenied,
        "{}",
        error.chain()
    );
    server.run("ACL SETUSER ann +select").await;
    let patience = Patience::until("the database may be chosen");
    while with_database.lookup(&id("s-0")).await.is_err() {
        patience.wait().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn loading_server_is_unavailable() {
    let mut server = Server::start().await;
    let store = store(&server.url());
    fill(&store, 100).await;
    server.run("SAVE").await;
    server.kill();
    // 100 keys, 20 ms each; and it answers meanwhile.
    server.add_arguments(&[
        "--key-load-delay",
        "20000",
        "--loading-process-events-interval-bytes",
        "1024",
    ]);
    server.launch_process();
    let patience = Patience::until("the server is loading");
    let error = loop {
        match store.lookup(&id("s-0")).await {
            Err(error) if error.chain().to_string().contains("LOADING") => break error,
            Err(error) => assert!(error.is_retryable(), "{}", error.chain()),
            Ok(found) => panic!("answered {found:?}, and was never seen loading"),
        }
        patience.wait().await;
    };
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    while server.is_down().await {
        if let Ok(found) = store.lookup(&id("s-0")).await {
            assert!(found.is_some(), "absent while loading");
        }
        patience.wait().await;
    }
    recovers(&store, "loading its data", error.kind()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn server_with_too_many_clients_is_unavailable() {
    let server = Server::start().await;
    fill(&patient_store(&server.url()), 1).await;
    server.run("CONFIG SET maxclients 1").await;
    let mut others = Vec::new();
    let (store, error) = loop {
        // The connections of `fill` and `run` may still be closing.
        others.push(
            TcpStream::connect(("127.0.0.1", server.port))
                .await
                .unwrap(),
        );
        let store = store(&server.url());
        if let Err(error) = store.lookup(&id("s-0")).await {
            break (store, error);
        }
        assert!(others.len() < 100);
    };
    assert_eq!(
        error.kind(),
        StoreErrorKind::Unavailable,
        "{}",
        error.chain()
    );
    drop(others);
    recovers(&store, "maxclients", error.kind()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn server_without_memory_is_not_writable_and_still_answers() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    fill(&store, 1).await;
    server.run("CONFIG SET maxmemory 1").await;
    let error = store
        .register(&record(&id("new")), &TOKEN, now())
        .await
        .unwrap_err();
    assert_eq!(
        error.store_error().unwrap().kind(),
        StoreErrorKind::NotWritable,
        "{}",
        error.chain()
    );
    assert!(store.lookup(&id("s-0")).await.unwrap().is_some());
    assert_eq!(store.lookup(&id("new")).await.unwrap(), None);
    server.run("CONFIG SET maxmemory 0").await;
    store
        .register(&record(&id("new")), &TOKEN, now())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn replica_is_not_writable() {
    let master = Server::start().await;
    let replica = Server::start_with(&["--replicaof", "127.0.0.1", &master.port.to_string()]).await;
    let error = patient_store(&replica.url())
        .register(&record(&id("new")), &TOKEN, now())
        .await
        .unwrap_err();
    assert_eq!(
        error.store_error().unwrap().kind(),
        StoreErrorKind::NotWritable,
        "{}",
        error.chain()
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn server_blocked_by_a_script_is_unavailable() {
    let server = Server::start().await;
    let store = store(&server.url());
    fill(&store, 1).await;
    // Its name until Redis 6.2, and still valid.
    server.run("CONFIG SET lua-time-limit 10").await;
    let mut blocked = server.admin().await;
    let endless = tokio::spawn(async move {
        let mut command = redis::cmd("EVAL");
        command.arg("while true do end").arg(0);
        let _ = command.exec_async(&mut blocked).await;
    });
    let patience = Patience::until("the server says that it is busy");
    loop {
        match store.lookup(&id("s-0")).await {
            Err(error) if error.kind() == StoreErrorKind::Unavailable => break,
            Err(error) => assert_eq!(error.kind(), StoreErrorKind::TimedOut),
            Ok(found) => assert!(found.is_some()),
        }
        patience.wait().await;
    }
    server.run("SCRIPT KILL").await;
    recovers(&store, "busy with a script", StoreErrorKind::Unavailable).await;
    endless.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn server_without_resp3_uses_resp2_and_errors_hide_the_password() {
    let server =
        Server::start_with(&["--rename-command", "HELLO", "", "--requirepass", PASSWORD]).await;
    let right = patient_store(&format!("redis://:{PASSWORD}@127.0.0.1:{}", server.port));
    fill(&right, 1).await;
    assert!(right.lookup(&id("s-0")).await.unwrap().is_some());
    let wrong = patient_store(&format!("redis://:{PASSWORD}x@127.0.0.1:{}", server.port));
    let error = wrong.lookup(&id("s-0")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::AccessDenied);
    assert_discreet(&error);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_server_than_redis_is_an_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let error = store(&format!("redis://127.0.0.1:{port}"))
        .lookup(&id("s-0"))
        .await
        .unwrap_err();
    println!("no Redis server: {}", error.chain());
    assert!(
        matches!(
            error.kind(),
            StoreErrorKind::Incompatible | StoreErrorKind::Unavailable
        ),
        "{}",
        error.chain()
    );
    server.abort();
}

/// Why a check fails of whether `url` can be written; it changes nothing.
async fn refusal_of_writes(store: &dcv_resolver_redis::RedisStore) -> StoreErrorKind {
    let error = store.check_writable().await.unwrap_err();
    println!("{}", error.chain());
    assert_discreet(&error);
    error.kind()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn server_that_refuses_writes_is_found_without_writing() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    store.check_writable().await.unwrap();
    let keys = async || redis::from_redis_value::<u64>(server.run("DBSIZE").await).unwrap();
    assert_eq!(keys().await, 0);
    // Any value under the key that it uses is left alone.
    server.run("SET dcv:session: text").await;
    store.check_writable().await.unwrap();
    let value: String = redis::from_redis_value(server.run("GET dcv:session:").await).unwrap();
    assert_eq!(value, "text");
    server.run("DEL dcv:session:").await;

    server.run("CONFIG SET maxmemory 1").await;
    assert_eq!(refusal_of_writes(&store).await, StoreErrorKind::NotWritable);
    server.run("CONFIG SET maxmemory 0").await;

    let rules = format!("ACL SETUSER ann on >{PASSWORD} ~dcv:session:* +@all -set");
    server.run(&rules).await;
    let denied = patient_store(&format!("redis://ann:{PASSWORD}@127.0.0.1:{}", server.port));
    assert_eq!(
        refusal_of_writes(&denied).await,
        StoreErrorKind::AccessDenied
    );

    // A snapshot that cannot be written.
    let mut save = redis::cmd("CONFIG");
    save.arg("SET").arg("save").arg("3600 1");
    save.exec_async(&mut server.admin().await).await.unwrap();
    std::fs::create_dir(server.folder().join("dump.rdb")).unwrap();
    server.run("BGSAVE").await;
    let patience = Patience::until("the snapshot fails");
    while store.check_writable().await.is_ok() {
        patience.wait().await;
    }
    assert_eq!(refusal_of_writes(&store).await, StoreErrorKind::NotWritable);

    let replica = Server::start_with(&["--replicaof", "127.0.0.1", &server.port.to_string()]).await;
    let replica = patient_store(&replica.url());
    assert_eq!(
        refusal_of_writes(&replica).await,
        StoreErrorKind::NotWritable
    );
}
