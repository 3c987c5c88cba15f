//! A cluster whose slots move, and whose masters die or freeze.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{
    ListError, SessionId, SessionListing, SessionRegistry, SessionStore, StoreErrorKind,
};
use tokio::time::{Instant, sleep};

use crate::support::{
    Cluster, Patience, Proxy, RECOVERED, TOKEN, Traffic, fill, id, now, patient_store, record,
    store,
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn no_session_is_absent_while_slots_move() {
    let cluster = Cluster::start().await;
    let store = Arc::new(store(&cluster.url()));
    let ids = fill(&store, 200).await;
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (store, ids, stop) = (Arc::clone(&store), ids.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let (mut answers, mut failures) = (0_u32, 0_u32);
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    for id in &ids {
                        match store.lookup(id).await {
                            Ok(Some(record)) => assert_eq!(record.id(), id),
                            Ok(None) => panic!("{id} is absent while its slot moves"),
                            Err(error) => {
                                assert!(error.is_retryable(), "{}", error.chain());
                                failures += 1;
                            }
                        }
                        answers += 1;
                    }
                }
                (answers, failures)
            })
        })
        .collect();
    for session in ids.iter().take(40) {
        cluster.move_slot_of(session).await;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let (mut answers, mut failures) = (0, 0);
    for reader in readers {
        let (more_answers, more_failures) = reader.await.unwrap();
        answers += more_answers;
        failures += more_failures;
    }
    println!("| 40 slots moved | {failures} of {answers} lookups failed |");
    assert!(answers > 200);
    assert!(failures * 100 < answers, "{failures} of {answers}");
    let store = patient_store(&cluster.url());
    assert_eq!(listed(&store).await, ids.into_iter().collect());
}

async fn listed(store: &dyn SessionListing) -> HashSet<SessionId> {
    let mut ids = HashSet::new();
    let mut next = None;
    loop {
        let page = store
            .list(next.as_ref(), 50.try_into().unwrap())
            .await
            .unwrap();
        ids.extend(page.records.iter().map(|record| record.id().clone()));
        next = page.next;
        if next.is_none() {
            return ids;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn killed_and_frozen_masters_are_failed_over() {
    let mut cluster = Cluster::start().await;
    let store = Arc::new(store(&cluster.url()));
    let ids = fill(&store, 60).await;
    cluster.replicated().await;
    for fault in ["cluster master killed", "cluster master frozen"] {
        let traffic = Traffic::start(&store, &ids);
        sleep(Duration::from_millis(200)).await;
        let victim = cluster.some_master_with_replica().await;
        if fault.ends_with("killed") {
            cluster.nodes[victim].kill();
        } else {
            cluster.nodes[victim].freeze();
        }
        cluster.failed_over(victim).await;
        let repaired = Instant::now();
        let patience = Patience::until("every session is served again");
        for id in &ids {
            while store.lookup(id).await.is_err() {
                patience.wait().await;
            }
        }
        sleep(Duration::from_millis(500)).await;
        let recovered = traffic.stop().await.print(fault, repaired);
        assert!(recovered < RECOVERED, "{recovered:?}");
        store
            .register(&record(&id("new")), &TOKEN, now())
            .await
            .unwrap();
    }
}

const FROZEN: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn frozen_node_that_comes_back_is_asked_again() {
    // Without fail-over, for lack of a vote in so short a time.
    let cluster = Cluster::start_with_node_timeout(60_000).await;
    let store = Arc::new(store(&cluster.url()));
    let ids = fill(&store, 60).await;
    let traffic = Traffic::start(&store, &ids);
    sleep(Duration::from_millis(100)).await;
    let before = cluster.nodes[1].connections().await;
    cluster.nodes[0].freeze();
    sleep(FROZEN).await;
    // The one that asks is one, too.
    let made = cluster.nodes[1].connections().await - before;
    cluster.nodes[0].thaw();
    let repaired = Instant::now();
    sleep(Duration::from_secs(3)).await;
    let report = traffic.stop().await;
    let recovered = report.print("cluster node frozen for 6 s", repaired);
    assert!(report.failures() > 0, "the fault was not felt");
    println!("{made} connections to a node that is well, while another is frozen for {FROZEN:?}");
    assert!(made < 16, "{made}");
    assert!(recovered < RECOVERED, "{recovered:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn silent_connection_to_one_node_is_replaced() {
    let cluster = Cluster::start().await;
    let proxy = Proxy::start(cluster.nodes[0].port).await;
    cluster.announce(0, proxy.port).await;
    let store = Arc::new(store(&cluster.url()));
    let ids = fill(&store, 60).await;
    let before = proxy.connections();
    assert!(before > 0, "the node is not reached through the proxy");
    let traffic = Traffic::start(&store, &ids);
    sleep(Duration::from_millis(100)).await;
    proxy.black_hole();
    let repaired = Instant::now();
    sleep(Duration::from_secs(4)).await;
    let report = traffic.stop().await;
    let recovered = report.print("black hole to one cluster node", repaired);
    assert!(report.failures() > 0, "the fault was not felt");
    assert!(recovered < RECOVERED, "{recovered:?}");
    assert!(proxy.connections() > before);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn cluster_that_is_down_is_unavailable() {
    let mut cluster = Cluster::start().await;
    let store = store(&cluster.url());
    let ids = fill(&store, 30).await;
    for node in &mut cluster.nodes[..5] {
        node.kill();
    }
    let patience = Patience::until("the last node knows that it is alone");
    while !cluster.node_is_down(5).await {
        patience.wait().await;
    }
    for id in &ids {
        let error = store.lookup(id).await.unwrap_err();
        assert!(
            matches!(
                error.kind(),
                StoreErrorKind::Unavailable | StoreErrorKind::TimedOut
            ),
            "{}",
            error.chain()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn page_token_of_removed_master_is_invalid() {
    let cluster = Cluster::start().await;
    let store = store(&cluster.url());
    fill(&store, 10).await;
    for token in [
        "scan:0123456789abcdef0123456789abcdef01234567::0",
        "scan:::0",
    ] {
        let token = dcv_resolver_core::PageToken::new(token);
        let error = store
            .list(Some(&token), 10.try_into().unwrap())
            .await
            .unwrap_err();
        assert!(
            matches!(error, ListError::InvalidPageToken { .. }),
            "{error}"
        );
    }
}
