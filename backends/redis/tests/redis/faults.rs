//! One server that is killed, frozen, cut off or started late, under traffic.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use dcv_resolver_core::{ListError, SessionListing, SessionRegistry, SessionStore, StoreErrorKind};
use dcv_resolver_redis::{RedisConfig, RedisOptions};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{
    Patience, Proxy, RECOVERED, Server, TOKEN, Traffic, fill, id, now, patient_store, record, store,
};

const TIMEOUT: Duration = RedisOptions::DEFAULT_RESPONSE_TIMEOUT;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn store_recovers_from_killed_server_twenty_times() {
    let mut server = Server::start_durable().await;
    let store = Arc::new(store(&server.url()));
    let ids = fill(&store, 50).await;
    let mut slowest = Duration::ZERO;
    for round in 1..=20 {
        let traffic = Traffic::start(&store, &ids);
        sleep(Duration::from_millis(60)).await;
        server.kill();
        sleep(Duration::from_millis(40 * (round % 5))).await;
        server.launch().await;
        let repaired = Instant::now();
        served_again(&*store, &ids[0]).await;
        sleep(Duration::from_millis(100)).await;
        let report = traffic.stop().await;
        slowest = slowest.max(report.print("killed and restarted", repaired));
    }
    println!("| killed and restarted, slowest of 20 | recovered {slowest:?} |");
    assert!(slowest < RECOVERED, "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn store_recovers_from_frozen_server() {
    let server = Server::start().await;
    let store = Arc::new(store(&server.url()));
    let ids = fill(&store, 50).await;
    let traffic = Traffic::start(&store, &ids);
    sleep(Duration::from_millis(100)).await;
    server.freeze();
    sleep(Duration::from_secs(3)).await;
    server.thaw();
    let repaired = Instant::now();
    served_again(&*store, &ids[0]).await;
    sleep(Duration::from_secs(1)).await;
    let report = traffic.stop().await;
    let recovered = report.print("frozen for 3 s", repaired);
    assert!(report.failures() > 0, "the fault was not felt");
    assert!(recovered < RECOVERED, "{recovered:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn silent_connection_is_replaced() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port).await;
    let store = Arc::new(store(&format!("redis://127.0.0.1:{}", proxy.port)));
    let ids = fill(&store, 50).await;
    let traffic = Traffic::start(&store, &ids);
    sleep(Duration::from_millis(100)).await;
    proxy.black_hole();
    let repaired = Instant::now();
    served_again(&*store, &ids[0]).await;
    sleep(Duration::from_millis(500)).await;
    let report = traffic.stop().await;
    let recovered = report.print("black hole, new connections work", repaired);
    assert!(report.failures() > 0, "the fault was not felt");
    assert!(recovered < RECOVERED, "{recovered:?}");
    assert_eq!(proxy.connections(), 2, "one connection is enough");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn silent_connection_is_noticed_though_callers_give_up_early() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port).await;
    let store = store(&format!("redis://127.0.0.1:{}", proxy.port));
    let ids = fill(&store, 1).await;
    proxy.black_hole();
    let patience = Patience::until("a lookup of an impatient caller succeeds");
    while timeout(TIMEOUT / 8, store.lookup(&ids[0])).await.is_err() {
        patience.wait().await;
    }
    assert_eq!(proxy.connections(), 2);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn working_connection_is_kept_though_callers_give_up() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port).await;
    let store = store(&format!("redis://127.0.0.1:{}", proxy.port));
    let ids = fill(&store, 1).await;
    for _ in 0..200 {
        let _ = timeout(Duration::from_micros(50), store.lookup(&ids[0])).await;
    }
    assert!(store.lookup(&ids[0]).await.unwrap().is_some());
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn store_starts_while_redis_is_down() {
    let mut server = Server::prepare(&[]);
    let store = store(&server.url());
    let session = id("console");
    for _ in 0..20 {
        let error = store.lookup(&session).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert_eq!(store.ping().await.unwrap_err().kind(), error.kind());
    }
    server.launch().await;
    let repaired = Instant::now();
    let patience = Patience::until("it serves");
    while store.lookup(&session).await.is_err() {
        patience.wait().await;
    }
    let recovered = repaired.elapsed();
    println!("| started before Redis | Unavailable | recovered {recovered:?} |");
    assert!(recovered < RECOVERED, "{recovered:?}");
    store.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_fail_at_once_between_attempts() {
    // Takes connections, and never says a word.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let attempts = Arc::new(AtomicU32::new(0));
    let counting = Arc::clone(&attempts);
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            held.push(listener.accept().await.unwrap());
            counting.fetch_add(1, Ordering::SeqCst);
        }
    });
    let store = store(&format!("redis://127.0.0.1:{port}"));
    let started = Instant::now();
    let mut calls = 0;
    while started.elapsed() < Duration::from_secs(2) {
        let error = store.lookup(&id("console")).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::TimedOut);
        calls += 1;
        sleep(Duration::from_millis(1)).await;
    }
    let attempts = attempts.load(Ordering::SeqCst);
    println!("{calls} calls, {attempts} attempts to connect");
    assert!(attempts > 1 && calls > 5 * attempts);
    silent.abort();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn lookup_succeeds_after_idle_connection_was_closed() {
    let mut server = Server::start_durable().await;
    let store = store(&server.url());
    let ids = fill(&store, 1).await;
    server.kill();
    server.launch().await;
    assert!(store.lookup(&ids[0]).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn name_that_points_to_another_master_is_followed() {
    let (old, new) = (Server::start().await, Server::start().await);
    let name = Proxy::start(old.port).await;
    let store = store(&format!("redis://127.0.0.1:{}", name.port));
    fill(&store, 1).await;
    old.run(&format!("REPLICAOF 127.0.0.1 {}", new.port)).await;
    name.point_at(new.port);
    let repaired = Instant::now();
    let patience = Patience::until("the new master is written to");
    while let Err(error) = store.register(&record(&id("new")), &TOKEN, now()).await {
        assert_eq!(
            error.store_error().unwrap().kind(),
            StoreErrorKind::NotWritable
        );
        patience.wait().await;
    }
    let recovered = repaired.elapsed();
    println!("| name pointed at another master | NotWritable | recovered {recovered:?} |");
    assert!(recovered < RECOVERED, "{recovered:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn replica_that_refuses_writes_still_answers_lookups_without_reconnect_storm() {
    let (master, replica) = (Server::start().await, Server::start().await);
    let proxy = Proxy::start(replica.port).await;
    let store = store(&format!("redis://127.0.0.1:{}", proxy.port));
    fill(&store, 1).await;
    fill(&patient_store(&master.url()), 1).await;
    replica
        .run(&format!("REPLICAOF 127.0.0.1 {}", master.port))
        .await;
    let patience = Patience::until("the replica has what the master has");
    while !matches!(store.lookup(&id("s-0")).await, Ok(Some(_))) {
        patience.wait().await;
    }
    let before = proxy.connections();
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(2) {
        let written = store.register(&record(&id("new")), &TOKEN, now()).await;
        assert_eq!(
            written.unwrap_err().store_error().unwrap().kind(),
            StoreErrorKind::NotWritable
        );
        assert!(store.lookup(&id("s-0")).await.unwrap().is_some());
    }
    let made = proxy.connections() - before;
    println!("a replica was written to for 2 s: {made} connections");
    assert!((1..=5).contains(&made), "{made}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn server_that_refuses_commands_is_not_flooded() {
    let server = Server::start_with(&[
        "--rename-command",
        "HELLO",
        "",
        "--requirepass",
        "tr0ub4dor",
    ])
    .await;
    let proxy = Proxy::start(server.port).await;
    let store = store(&format!("redis://127.0.0.1:{}", proxy.port));
    let started = Instant::now();
    let mut calls = 0;
    while started.elapsed() < Duration::from_secs(2) {
        let error = store.lookup(&id("console")).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::AccessDenied);
        calls += 1;
        sleep(Duration::from_millis(1)).await;
    }
    let connections = proxy.connections();
    println!("{calls} calls without a password, {connections} connections");
    // Two an attempt: one for each protocol.
    assert!((4..=20).contains(&connections), "{connections}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn page_token_of_restarted_server_is_invalid() {
    let mut server = Server::start_durable().await;
    let store = patient_store(&server.url());
    fill(&store, 100).await;
    let limit = 10.try_into().unwrap();
    let first = store.list(None, limit).await.unwrap();
    let second = store.list(first.next.as_ref(), limit).await.unwrap();
    server.kill();
    server.launch().await;
    let error = store.list(second.next.as_ref(), limit).await.unwrap_err();
    assert!(
        matches!(error, ListError::InvalidPageToken { .. }),
        "{}",
        error.chain()
    );
}

#[test]
#[ignore = "needs redis-server"]
fn store_outlives_the_runtime_that_it_connected_on() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let first = runtime();
    let server = first.block_on(Server::start());
    let store = store(&server.url());
    let ids = first.block_on(fill(&store, 1));
    drop(first);
    assert!(runtime().block_on(store.lookup(&ids[0])).unwrap().is_some());
}

#[test]
fn shut_down_runtime_leaves_no_call_hanging() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let store = Arc::new(store("redis://127.0.0.1:1"));
    let (shut_down, is_shut_down) = mpsc::channel::<()>();
    let (asking, is_asking) = mpsc::channel();
    let asker = Arc::clone(&store);
    let (answer, answered) = mpsc::channel();
    runtime.spawn(async move {
        asking.send(()).unwrap();
        let _ = is_shut_down.recv();
        let session = id("console");
        let lookup = asker.lookup(&session);
        let _ = futures_util::FutureExt::now_or_never(lookup);
        answer.send(()).unwrap();
    });
    is_asking.recv().unwrap();
    runtime.shutdown_background();
    drop(shut_down);
    // Whether the call is answered or panics for want of timers is tokio's.
    let ended = answered.recv_timeout(Duration::from_secs(10));
    assert_ne!(ended, Err(RecvTimeoutError::Timeout), "the call hangs");
    // And the store serves on another runtime.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let error = runtime.block_on(store.lookup(&id("console"))).unwrap_err();
    assert!(error.is_retryable(), "{}", error.chain());
}

async fn served_again(store: &dyn SessionStore, session: &dcv_resolver_core::SessionId) {
    let patience = Patience::until("it is served again");
    while store.lookup(session).await.is_err() {
        patience.wait().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn replies_in_single_bytes_are_not_mixed_up() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port).await;
    proxy.slice();
    let config = format!("redis://127.0.0.1:{}", proxy.port)
        .parse::<RedisConfig>()
        .unwrap();
    let config = config.response_timeout(Duration::from_secs(20));
    let store = Arc::new(dcv_resolver_redis::RedisStore::new(config));
    let ids = fill(&store, 50).await;
    let lookups: Vec<_> = (0..500)
        .map(|number| {
            let (store, id) = (Arc::clone(&store), ids[number % ids.len()].clone());
            tokio::spawn(async move {
                let record = store.lookup(&id).await.unwrap().unwrap();
                assert_eq!(record.id(), &id);
            })
        })
        .collect();
    for lookup in lookups {
        lookup.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn cancelled_lookups_do_not_change_replies_of_others() {
    let server = Server::start().await;
    let store = Arc::new(patient_store(&server.url()));
    let ids = fill(&store, 64).await;
    let tasks: Vec<_> = (0..64_u64)
        .map(|task| {
            let (store, ids) = (Arc::clone(&store), ids.clone());
            tokio::spawn(async move {
                let mut answered = 0;
                for turn in 0..200_u64 {
                    let number = (task * 31 + turn * 17) % 64;
                    let id = &ids[usize::try_from(number).unwrap()];
                    let patience = Duration::from_micros(number * 40);
                    if let Ok(found) = timeout(patience, store.lookup(id)).await {
                        match found {
                            Ok(Some(record)) => assert_eq!(record.id(), id),
                            Ok(None) => panic!("{id} is absent"),
                            // On a machine this busy, a time-out.
                            Err(error) => assert!(error.is_retryable(), "{error:?}"),
                        }
                        answered += 1;
                    }
                }
                answered
            })
        })
        .collect();
    let mut answered = 0;
    for task in tasks {
        answered += task.await.unwrap();
    }
    println!("{answered} of {} lookups were not cancelled", 64 * 200);
    assert!(answered > 0 && answered < 64 * 200, "{answered}");
}
