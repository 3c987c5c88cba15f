//! Fail-over by Sentinel.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{SessionRegistry, SessionStore, StoreErrorKind};
use tokio::time::{Instant, sleep};

use crate::support::{
    Patience, RECOVERED, Sentinels, Server, TOKEN, Traffic, fill, id, now, record, store,
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn new_master_is_found_when_master_and_a_sentinel_die() {
    let mut all = Sentinels::start().await;
    let store = Arc::new(store(&all.url()));
    let ids = fill(&store, 50).await;
    all.replicated().await;
    let traffic = Traffic::start(&store, &ids);
    sleep(Duration::from_millis(100)).await;
    let old = all.master().await;
    all.sentinels[0].kill();
    all.server(old).kill();
    let patience = Patience::until("the replica is promoted");
    while all.master_by(1).await == old {
        patience.wait().await;
    }
    let new = all.master_by(1).await;
    let patience = Patience::until("the new master knows that it is one");
    while !all.is_master(new).await {
        patience.wait().await;
    }
    let repaired = Instant::now();
    let patience = Patience::until("it is served again");
    while store.lookup(&id("s-0")).await.is_err() {
        patience.wait().await;
    }
    sleep(Duration::from_millis(500)).await;
    let recovered = traffic.stop().await.print("Sentinel fail-over", repaired);
    assert!(recovered < RECOVERED, "{recovered:?}");

    store
        .register(&record(&id("new")), &TOKEN, now())
        .await
        .unwrap();

    // The old master comes back, and is made a replica, which is not asked.
    all.server(old).launch().await;
    let patience = Patience::until("the old master is demoted");
    while all.is_master(old).await {
        assert!(store.lookup(&id("new")).await.unwrap().is_some());
        patience.wait().await;
    }
    assert!(store.lookup(&id("new")).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn manual_fail_over_makes_no_session_absent_and_accepts_writes_again() {
    let all = Sentinels::start().await;
    let store = Arc::new(store(&all.url()));
    let ids = fill(&store, 50).await;
    all.replicated().await;
    let traffic = Traffic::start(&store, &ids);
    let old = all.master().await;
    all.sentinels[0].run("SENTINEL FAILOVER mymaster").await;
    let patience = Patience::until("the old master is demoted");
    while all.is_master(old).await || all.master().await == old {
        patience.wait().await;
    }
    let repaired = Instant::now();
    let patience = Patience::until("it is written again");
    while store
        .register(&record(&id("after")), &TOKEN, now())
        .await
        .is_err()
    {
        patience.wait().await;
    }
    sleep(Duration::from_millis(500)).await;
    let recovered = traffic
        .stop()
        .await
        .print("Sentinel fail-over on demand", repaired);
    assert!(recovered < RECOVERED, "{recovered:?}");
    assert!(store.lookup(&id("after")).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn replica_that_a_sentinel_names_as_master_is_not_asked() {
    // It has never reached its master, and so it has nothing.
    let nowhere = Server::prepare(&[]);
    let empty = Server::start_with(&["--replicaof", "127.0.0.1", &nowhere.port.to_string()]).await;
    let sentinel = Sentinels::watch(&empty).await;
    let url = format!("redis+sentinel://127.0.0.1:{}/mymaster", sentinel.port);
    let error = store(&url).lookup(&id("console")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(
        error.chain().to_string().contains("replica"),
        "{}",
        error.chain()
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn unknown_service_is_unavailable_and_named_in_the_error() {
    let all = Sentinels::start().await;
    let url = all.url().replace("mymaster", "unknown");
    let error = store(&url).lookup(&id("console")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(
        error.chain().to_string().contains("service"),
        "{}",
        error.chain()
    );
}
