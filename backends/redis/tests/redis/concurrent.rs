//! Lookups that are under way at the same time.

use dcv_resolver_core::{SessionStore, StoreErrorKind};
use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::runtime::{Builder, Runtime};

use crate::support::{Server, fill, id, patient_store};

#[tokio::test]
#[ignore = "needs redis-server"]
async fn concurrent_lookups_get_their_own_answers() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    let ids = fill(&store, 500).await;
    server.run("LPUSH dcv:session:list x").await;
    let (absent, list) = (id("absent"), id("list"));
    let (first, absent, list, last, all) = tokio::join!(
        store.lookup(&ids[0]),
        store.lookup(&absent),
        store.lookup(&list),
        store.lookup(&ids[1]),
        join_all(ids.iter().map(|id| store.lookup(id))),
    );
    assert_eq!(first.unwrap().unwrap().id(), &ids[0]);
    assert_eq!(absent.unwrap(), None);
    assert_eq!(list.unwrap_err().kind(), StoreErrorKind::CorruptRecord);
    assert_eq!(last.unwrap().unwrap().id(), &ids[1]);
    for (record, id) in all.into_iter().zip(&ids) {
        assert_eq!(record.unwrap().unwrap().id(), id);
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn dropped_or_unpolled_lookup_does_not_disturb_others() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    let ids = fill(&store, 3).await;
    let unpolled = begun(store.lookup(&ids[0]));
    let dropped = begun(store.lookup(&ids[1]));
    let other = begun(store.lookup(&ids[2]));
    drop(dropped);
    assert_eq!(other.await.unwrap().unwrap().id(), &ids[2]);
    assert_eq!(unpolled.await.unwrap().unwrap().id(), &ids[0]);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn runtime_that_stops_or_ends_does_not_disturb_lookups_of_another() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    let ids = fill(&store, 2).await;
    let connections = connections_received(&server).await;
    let other = stopped_runtime();
    let first = begun_on(&other, store.lookup(&ids[0]));
    let second = begun_on(&other, store.lookup(&ids[0]));
    // The runtime still exists, but does not run.
    let many = join_all((0..64).map(|_| store.lookup(&ids[1]))).await;
    assert!(many.into_iter().all(|found| found.unwrap().is_some()));
    assert!(first.await.unwrap().is_some());
    other.shutdown_background();
    assert!(store.lookup(&ids[1]).await.unwrap().is_some());
    drop(second);
    // The connection was kept: the one new connection is the test's own.
    assert_eq!(connections_received(&server).await - connections, 1);
}

/// Polls a lookup once, and leaves it.
fn begun<F: Future + Unpin>(mut lookup: F) -> F {
    assert!((&mut lookup).now_or_never().is_none());
    lookup
}

/// Does so on another runtime, which owns the tasks that the lookup spawns.
fn begun_on<F: Future + Unpin>(runtime: &Runtime, lookup: F) -> F {
    let _entered = runtime.enter();
    begun(lookup)
}

/// Makes a runtime whose tasks run only inside of `block_on`.
fn stopped_runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

async fn connections_received(server: &Server) -> u64 {
    let info: String = redis::from_redis_value(server.run("INFO stats").await).unwrap();
    let mut lines = info.lines();
    let count = lines.find_map(|line| line.strip_prefix("total_connections_received:"));
    count.unwrap().parse().unwrap()
}
