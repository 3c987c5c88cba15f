//! Over connections that the embedding program owns.

use dcv_resolver_core::{SessionListing, SessionRegistry, SessionStore, StoreErrorKind};
use dcv_resolver_redis::{RedisConnection, RedisOptions, RedisStore};

use crate::support::{Cluster, Server, TOKEN, fill, id, patient_store};

async fn serves(connection: impl Into<RedisConnection>) {
    let store =
        RedisStore::with_connection(connection, RedisOptions::default().key_prefix("shared:"));
    let ids = fill(&store, 20).await;
    for id in &ids {
        assert_eq!(store.lookup(id).await.unwrap().unwrap().id(), id);
    }
    assert_eq!(store.lookup(&id("absent")).await.unwrap(), None);
    assert!(store.deregister(&ids[0], &TOKEN).await.unwrap());
    store.ping().await.unwrap();
    let mut page = store.list(None, 1_000.try_into().unwrap()).await.unwrap();
    let mut listed = page.records.len();
    while let Some(next) = page.next {
        page = store
            .list(Some(&next), 1_000.try_into().unwrap())
            .await
            .unwrap();
        listed += page.records.len();
    }
    assert_eq!(listed, 19);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn given_connection_and_manager_are_used() {
    let mut server = Server::start().await;
    let client = redis::Client::open(server.url()).unwrap();
    serves(client.get_multiplexed_async_connection().await.unwrap()).await;
    server.run("FLUSHALL").await;
    let manager = client.get_connection_manager().await.unwrap();
    serves(manager.clone()).await;

    let store = RedisStore::with_connection(manager, RedisOptions::default());
    server.kill();
    let error = store.lookup(&id("console")).await.unwrap_err();
    assert!(error.is_retryable(), "{}", error.chain());
    server.launch().await;
    let patience = crate::support::Patience::until("the manager has connected again");
    while store.lookup(&id("console")).await.is_err() {
        patience.wait().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn given_cluster_connection_is_used() {
    let cluster = Cluster::start().await;
    let client = redis::cluster::ClusterClient::new([cluster.nodes[0].url()]).unwrap();
    serves(client.get_async_connection().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn cluster_node_with_single_server_url_is_invalid_config() {
    let cluster = Cluster::start().await;
    let store = patient_store(&cluster.nodes[0].url());
    // Every master has about a third of them.
    let mut kinds = Vec::new();
    for number in 0..50 {
        let result = store.lookup(&id(&format!("s-{number}"))).await;
        kinds.extend(result.err().map(|error| error.kind()));
    }
    assert!(!kinds.is_empty());
    assert!(
        kinds
            .iter()
            .all(|kind| *kind == StoreErrorKind::InvalidConfig),
        "{kinds:?}"
    );
}
