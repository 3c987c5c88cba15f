//! What is likely to lose sessions, though calls succeed.

use dcv_resolver_core::{SessionStore, StoreErrorKind};
use dcv_resolver_redis::RedisWarning;

use crate::support::{Cluster, Patience, Server, fill, id, patient_store};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn evicting_server_is_warned_of() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    assert!(store.warnings().await.unwrap().is_empty());
    server.run("CONFIG SET maxmemory-policy volatile-lru").await;
    // Without a limit nothing is evicted.
    assert!(store.warnings().await.unwrap().is_empty());
    server.run("CONFIG SET maxmemory 100mb").await;
    let warnings = store.warnings().await.unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(warnings[0].kind(), "eviction");
    let sentence = warnings[0].to_string();
    println!("{sentence}");
    assert!(sentence.contains("volatile-lru"), "{sentence}");
    assert!(!sentence.contains("so far"), "{sentence}");

    fill(&store, 1).await;
    server
        .run("CONFIG SET maxmemory-policy allkeys-random")
        .await;
    server.run("CONFIG SET maxmemory 1").await;
    let patience = Patience::until("the session is evicted");
    while store.lookup(&id("s-0")).await.unwrap().is_some() {
        patience.wait().await;
    }
    let sentence = store.warnings().await.unwrap()[0].to_string();
    assert!(sentence.contains("1 key so far"), "{sentence}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn warnings_of_a_cluster_name_the_node() {
    let cluster = Cluster::start().await;
    let store = patient_store(&cluster.url());
    assert!(store.warnings().await.unwrap().is_empty());
    let port = cluster.nodes[1].port;
    cluster.nodes[1]
        .run("CONFIG SET maxmemory-policy allkeys-lfu")
        .await;
    cluster.nodes[1].run("CONFIG SET maxmemory 100mb").await;
    let warnings = store.warnings().await.unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let sentence = warnings[0].to_string();
    assert!(
        sentence.contains(&format!("127.0.0.1:{port} ")),
        "{sentence}"
    );

    // Nothing listens on port 1. The other nodes are still asked.
    cluster.announce(0, 1).await;
    let store = patient_store(&cluster.url());
    let mut warnings = store.warnings().await.unwrap();
    warnings.sort_by_key(RedisWarning::kind);
    let kinds: Vec<_> = warnings.iter().map(RedisWarning::kind).collect();
    assert_eq!(kinds, ["eviction", "unreachable_node"]);
    let sentence = warnings[1].to_string();
    println!("{sentence}");
    for words in ["the node 127.0.0.1:1 ", "cluster-announce-port"] {
        assert!(sentence.contains(words), "{sentence}");
    }

    // What is known is not lost because the rest may not be asked for.
    for node in &cluster.nodes {
        node.run("ACL SETUSER default -info").await;
    }
    let warnings = store.warnings().await.unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(warnings[0].kind(), "unreachable_node");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn server_that_may_not_be_asked_is_an_error() {
    let server = Server::start().await;
    server.run("ACL SETUSER default -info").await;
    let error = patient_store(&server.url()).warnings().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::AccessDenied);
}
