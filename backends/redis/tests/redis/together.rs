//! Lookups that are asked for at the same time. Most run on one thread: nothing
//! is sent there before the test itself waits.

use std::sync::Arc;

use dcv_resolver_core::{SessionStore, StoreErrorKind};
use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::runtime::{Builder, Runtime};

use crate::support::{Server, fill, id, patient_store};

/// How many times the server has read from its connections.
async fn reads(server: &Server) -> u64 {
    statistic(server, "total_reads_processed:").await
}

async fn statistic(server: &Server, name: &str) -> u64 {
    let info: String = redis::from_redis_value(server.run("INFO stats").await).unwrap();
    let value = info.lines().find_map(|line| line.strip_prefix(name));
    value.unwrap().parse().unwrap()
}

/// Tasks of one thread, as requests are: with several it would also depend on
/// which of them the kernel lets run.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "needs redis-server"]
async fn they_are_sent_in_one_write() {
    let server = Server::start().await;
    let store = Arc::new(patient_store(&server.url()));
    let ids = fill(&store, 50).await;
    // More than once: a server that does not get to run reads many writes at
    // once, whatever is sent.
    for _ in 0..5 {
        let before = reads(&server).await;
        let (store, ids) = (Arc::clone(&store), ids.clone());
        let found = tokio::spawn(async move {
            let lookups = ids.into_iter().map(|id| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.lookup(&id).await.unwrap().unwrap().id() == &id })
            });
            let lookups: Vec<_> = lookups.collect();
            join_all(lookups).await
        });
        assert!(found.await.unwrap().into_iter().all(Result::unwrap));
        let taken = reads(&server).await - before;
        // The first is alone, and a turn may end earlier than they have all
        // come; asking for this takes a few as well.
        assert!(taken <= 15, "{taken} reads");
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn each_has_its_own_answer() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    let ids = fill(&store, 2).await;
    server.run("LPUSH dcv:session:list x").await;
    let (absent, list) = (id("absent"), id("list"));
    let (first, absent, list, last) = tokio::join!(
        store.lookup(&ids[0]),
        store.lookup(&absent),
        store.lookup(&list),
        store.lookup(&ids[1]),
    );
    assert_eq!(first.unwrap().unwrap().id(), &ids[0]);
    assert_eq!(absent.unwrap(), None);
    assert_eq!(list.unwrap_err().kind(), StoreErrorKind::CorruptRecord);
    assert_eq!(last.unwrap().unwrap().id(), &ids[1]);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn there_may_be_any_number_of_them() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    let ids = fill(&store, 500).await;
    let records = join_all(ids.iter().map(|id| store.lookup(id))).await;
    for (record, id) in records.into_iter().zip(&ids) {
        assert_eq!(record.unwrap().unwrap().id(), id);
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn one_that_is_given_up_or_left_alone_takes_nothing_from_the_others() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    let ids = fill(&store, 3).await;
    // Nobody polls them meanwhile: the one that is alone, and the first of those
    // that are not.
    let alone = begun(store.lookup(&ids[0]));
    let first = begun(store.lookup(&ids[0]));
    assert!(store.lookup(&ids[1]).await.unwrap().is_some());

    let given_up = begun(store.lookup(&ids[1]));
    let other = begun(store.lookup(&ids[2]));
    drop(given_up);
    assert_eq!(other.await.unwrap().unwrap().id(), &ids[2]);
    assert_eq!(first.await.unwrap().unwrap().id(), &ids[0]);
    assert_eq!(alone.await.unwrap().unwrap().id(), &ids[0]);
}

/// Begun, and left alone.
fn begun<F: Future + Unpin>(mut lookup: F) -> F {
    assert!((&mut lookup).now_or_never().is_none());
    lookup
}

/// The same on another runtime, whose tasks will be those that it starts.
fn begun_on<F: Future + Unpin>(runtime: &Runtime, lookup: F) -> F {
    let _entered = runtime.enter();
    begun(lookup)
}

/// It runs only what somebody has it run.
fn another_runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_runtime_that_ends_takes_nothing_from_another() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    let ids = fill(&store, 2).await;
    assert!(store.lookup(&ids[0]).await.unwrap().is_some());
    let connections = statistic(&server, "total_connections_received:").await;
    // Another is asked for, so that these are not sent at once.
    let alone = begun(store.lookup(&ids[0]));
    // It ends before the task has had its turn that is to send for both.
    let other = another_runtime();
    let first = begun_on(&other, store.lookup(&ids[0]));
    let second = begun(store.lookup(&ids[1]));
    other.shutdown_background();
    assert_eq!(second.await.unwrap().unwrap().id(), &ids[1]);
    assert!(alone.await.unwrap().is_some());
    drop(first);
    // Over the connection that there was: one more was made to ask for this.
    let now = statistic(&server, "total_connections_received:").await;
    assert_eq!(now - connections, 1);
}

/// A runtime that nobody drives any more, though it has not ended.
#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_runtime_that_stands_still_takes_nothing_from_another() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    let ids = fill(&store, 2).await;
    assert!(store.lookup(&ids[0]).await.unwrap().is_some());
    // Another is asked for, so that those below are not sent at once.
    let alone = begun(store.lookup(&ids[0]));
    let other = another_runtime();
    let first = begun_on(&other, store.lookup(&ids[0]));
    // As many as are sent at once do not wait for the first.
    let many = join_all((0..64).map(|_| store.lookup(&ids[1]))).await;
    assert!(many.into_iter().all(|found| found.unwrap().is_some()));
    assert!(first.await.unwrap().is_some());

    let first = begun_on(&other, store.lookup(&ids[0]));
    // Nor does anybody wait for a first one that is gone.
    drop(first);
    assert!(store.lookup(&ids[1]).await.unwrap().is_some());
    assert!(alone.await.unwrap().is_some());
    other.shutdown_background();
}
