//! Watching changes in a cluster whose slots move, and whose masters die or
//! freeze.

use dcv_resolver_core::{SessionId, SessionRegistry, SessionStore};
use dcv_resolver_redis::RedisStore;
use tokio::time::Instant;

use crate::support::{
    Cluster, Patience, Proxy, Reported, TOKEN, Watch, fill, now, patient_store, record, store,
};

/// Changes these sessions, and waits until it is reported.
async fn reports(watch: &Watch, other: &RedisStore, ids: &[SessionId]) {
    for session in ids {
        let mark = watch.mark();
        let patience = Patience::until("it is written");
        while let Err(error) = other.register(&record(session), &TOKEN, now()).await {
            assert!(error.is_retryable(), "{}", error.chain());
            patience.wait().await;
        }
        let reported = Reported::Changed(session.clone());
        watch
            .soon(mark, Instant::now(), &reported, "register")
            .await;
    }
    watch.caught_up(watch.mark()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn changes_on_every_master_are_reported_while_slots_move() {
    let cluster = Cluster::start().await;
    let (store, other) = (patient_store(&cluster.url()), patient_store(&cluster.url()));
    let ids = fill(&store, 30).await;
    let watch = Watch::start(&store).await;
    reports(&watch, &other, &ids).await;
    for session in &ids[..5] {
        let mark = watch.mark();
        cluster.move_slot_of(session).await;
        let reported = Reported::Changed(session.clone());
        watch.soon(mark, Instant::now(), &reported, "moved").await;
        assert!(store.lookup(session).await.unwrap().is_some());
        reports(&watch, &other, std::slice::from_ref(session)).await;
    }
    assert!(!watch.recorder.all().contains(&Reported::Disconnected));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn slot_that_moves_without_its_keys_changes_everything() {
    let cluster = Cluster::start().await;
    let store = patient_store(&cluster.url());
    let ids = fill(&store, 1).await;
    let watch = Watch::start(&store).await;
    let mark = watch.mark();
    cluster.take_slot_of(&ids[0]).await;
    let is_all = |event: &Reported| *event == Reported::AllChanged;
    watch.until(mark, "all changed", is_all).await;
    watch.caught_up(mark).await;
    let patience = Patience::until("it is gone");
    while store.lookup(&ids[0]).await.unwrap().is_some() {
        patience.wait().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn added_master_is_watched() {
    let mut cluster = Cluster::start().await;
    let (store, other) = (patient_store(&cluster.url()), patient_store(&cluster.url()));
    let ids = fill(&store, 3).await;
    let watch = Watch::start(&store).await;
    let mark = watch.mark();
    let added = cluster.add_master().await;
    watch.recovers(mark, "master added", Instant::now()).await;
    cluster.move_slot_of_to(&ids[0], added).await;
    assert_eq!(cluster.owner_of(&ids[0]).await, added);
    reports(&watch, &other, &ids[..1]).await;
    assert!(store.lookup(&ids[0]).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn killed_and_frozen_masters_are_failed_over() {
    let mut cluster = Cluster::start().await;
    let (store, other) = (store(&cluster.url()), store(&cluster.url()));
    let ids = fill(&store, 30).await;
    cluster.replicated().await;
    let watch = Watch::start(&store).await;
    for fault in ["cluster master killed", "cluster master frozen"] {
        let victim = cluster.some_master_with_replica().await;
        let mark = watch.mark();
        if fault.ends_with("killed") {
            cluster.nodes[victim].kill();
        } else {
            cluster.nodes[victim].freeze();
        }
        cluster.failed_over(victim).await;
        watch.recovers(mark, fault, Instant::now()).await;
        reports(&watch, &other, &ids).await;
        for session in &ids {
            assert!(store.lookup(session).await.unwrap().is_some());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn manual_fail_over_is_followed_without_lookups() {
    let cluster = Cluster::start().await;
    let (store, other) = (store(&cluster.url()), patient_store(&cluster.url()));
    let ids = fill(&store, 30).await;
    cluster.replicated().await;
    let watch = Watch::start(&store).await;
    let mark = watch.mark();
    let mut masters = cluster.masters().await;
    masters.dedup();
    let replica = (0..cluster.nodes.len()).find(|node| !masters.contains(node));
    cluster.nodes[replica.unwrap()]
        .run("CLUSTER FAILOVER")
        .await;
    let patience = Patience::until("it is a master");
    while cluster.masters().await == masters {
        patience.wait().await;
    }
    watch
        .recovers(mark, "fail-over on demand", Instant::now())
        .await;
    reports(&watch, &other, &ids).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn silent_connection_to_one_node_is_replaced() {
    let cluster = Cluster::start().await;
    let proxy = Proxy::start(cluster.nodes[0].port).await;
    cluster.announce(0, proxy.port).await;
    let store = store(&cluster.url());
    let ids = fill(&store, 30).await;
    let watch = Watch::start(&store).await;
    let before = proxy.connections();
    assert!(before > 1, "the node is not reached through the proxy");
    let mark = watch.mark();
    proxy.black_hole();
    watch
        .recovers(mark, "black hole to one node", Instant::now())
        .await;
    reports(&watch, &store, &ids).await;
}

/// As when an address is given to another machine.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn source_is_disconnected_while_lookups_reach_another_node() {
    let cluster = Cluster::start().await;
    let proxy = Proxy::start(cluster.nodes[0].port).await;
    cluster.announce(0, proxy.port).await;
    let store = store(&cluster.url());
    let ids = fill(&store, 30).await;
    let watch = Watch::start(&store).await;
    let mark = watch.mark();
    proxy.point_at(cluster.nodes[1].port);
    cluster.nodes[0].kill_connections(false).await;
    let patience = Patience::until("the source is disconnected");
    while !watch.since(mark).contains(&Reported::Disconnected) {
        // The driver connects again when a command is sent.
        let _ = store.lookup(&ids[0]).await;
        patience.wait().await;
    }
    proxy.point_at(cluster.nodes[0].port);
    cluster.nodes[1].kill_connections(false).await;
    watch.caught_up(mark).await;
    reports(&watch, &store, &ids).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn permissions_in_readme_suffice() {
    let cluster = Cluster::start().await;
    for node in &cluster.nodes {
        node.run(
            "ACL SETUSER ann on >tr0ub4dor resetkeys ~dcv:session:* resetchannels \
             +get +ping +cluster|slots +client|tracking +cluster|nodes +cluster|myid",
        )
        .await;
    }
    let url = cluster.url().replace("://", "://ann:tr0ub4dor@");
    let other = patient_store(&cluster.url());
    let watch = Watch::start(&patient_store(&url)).await;
    let ids = fill(&other, 3).await;
    reports(&watch, &other, &ids).await;
    assert!(!watch.recorder.all().contains(&Reported::Disconnected));
}
