//! Lookups that are asked for at the same time.

use std::sync::Arc;

use dcv_resolver_core::{SessionStore, StoreErrorKind};
use futures_util::FutureExt;
use futures_util::future::join_all;

use crate::support::{Server, fill, id, patient_store};

/// How many times the server has read from its connections.
async fn reads(server: &Server) -> u64 {
    let info: String = redis::from_redis_value(server.run("INFO stats").await).unwrap();
    let reads = info
        .lines()
        .find_map(|line| line.strip_prefix("total_reads_processed:"));
    reads.unwrap().parse().unwrap()
}

/// Tasks of one thread, as requests are: with several it would also depend on
/// which of them the kernel lets run.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "needs redis-server"]
async fn they_are_sent_in_one_write() {
    let server = Server::start().await;
    let store = Arc::new(patient_store(&server.url()));
    let ids = fill(&store, 50).await;
    let before = reads(&server).await;
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
    // The write may come in two pieces; asking for this takes a few as well.
    assert!(taken <= 8, "{taken} reads");
}

#[tokio::test(flavor = "multi_thread")]
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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn one_that_is_given_up_takes_nothing_from_the_others() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    let ids = fill(&store, 3).await;
    // Before the first one has sent for all, and while it waits for the answers.
    for turns in [1, 2] {
        let mut lookups: Vec<_> = ids.iter().map(|id| store.lookup(id)).collect();
        for _ in 0..turns {
            for lookup in &mut lookups {
                assert!(lookup.now_or_never().is_none());
            }
        }
        drop(lookups.remove(0));
        for (record, id) in join_all(lookups).await.into_iter().zip(&ids[1..]) {
            assert_eq!(record.unwrap().unwrap().id(), id);
        }
    }
}
