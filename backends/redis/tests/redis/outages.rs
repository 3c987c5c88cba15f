//! An outage is logged once when it begins and once when it ends, and no server
//! is connected to more often than needed.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::SessionStore;
use dcv_resolver_redis::{RedisConfig, RedisStore};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use tracing::Level;

use crate::support::{
    Answer, Cluster, Log, Patience, Recorder, Scripted, Sentinels, Server, fill, id, store,
};

/// How long each outage lasts.
const OUTAGE: Duration = Duration::from_secs(2);

/// Looks up for the time of an outage, a hundred times a second.
async fn look_up_in_vain(store: &RedisStore) {
    let started = Instant::now();
    while started.elapsed() < OUTAGE {
        let _failed = store.lookup(&id("absent")).await;
        sleep(Duration::from_millis(10)).await;
    }
}

async fn look_up_until_it_works(store: &RedisStore) {
    let patience = Patience::until("it is served again");
    while store.lookup(&id("absent")).await.is_err() {
        patience.wait().await;
    }
}

/// Watches changes as a cache does, until it is dropped.
fn watch(store: &RedisStore) -> tokio::task::JoinHandle<()> {
    use dcv_resolver_core::ChangeSource;
    tokio::spawn(store.watch_changes(Arc::new(Recorder::default())))
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn outage_of_a_server_is_one_line_and_its_end_another() {
    let mut server = Server::start().await;
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    let store = store(&server.url());
    look_up_until_it_works(&store).await;
    let watching = watch(&store);
    let before = log.logged().len();
    assert_eq!(before, 1, "{:?}", log.logged());
    server.kill();
    look_up_in_vain(&store).await;
    let lost = log.logged().split_off(before);
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert!(lost[0].contains("cannot use Redis"), "{lost:?}");
    server.launch().await;
    look_up_until_it_works(&store).await;
    let back = log.logged().split_off(before + 1);
    assert_eq!(back.len(), 1, "{back:?}");
    assert!(back[0].contains("connected to Redis"), "{back:?}");
    watching.abort();
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn outage_of_all_sentinels_is_one_line_and_its_end_another() {
    let mut all = Sentinels::start().await;
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    let store = store(&all.url());
    look_up_until_it_works(&store).await;
    let watching = watch(&store);
    let before = log.logged().len();
    for server in all.sentinels.iter_mut().chain(&mut all.servers) {
        server.kill();
    }
    look_up_in_vain(&store).await;
    let lost = log.logged().split_off(before);
    assert_eq!(lost.len(), 1, "{lost:?}");
    watching.abort();
}

#[tokio::test]
async fn server_that_is_of_no_use_is_one_line_a_reason() {
    for (what, answer) in [
        ("closes", Answer::Close),
        (
            "loads",
            Answer::Line("-LOADING Redis is loading".to_owned()),
        ),
        (
            "wants a password",
            Answer::Line("-NOAUTH Authentication required.".to_owned()),
        ),
        ("rejects", Answer::Line("-WRONGPASS invalid".to_owned())),
        (
            "is cut off",
            Answer::Line("-MASTERDOWN Link with MASTER is down".to_owned()),
        ),
        ("is silent", Answer::Silence),
    ] {
        let answer = Arc::new(answer);
        let server = Scripted::start(None, move |_| match &*answer {
            Answer::Line(line) => Answer::Line(line.clone()),
            Answer::Close => Answer::Close,
            _ => Answer::Silence,
        })
        .await;
        let (log, _guard) = Log::of_this_thread(Level::INFO);
        let store = store(&server.url());
        let watching = watch(&store);
        look_up_in_vain(&store).await;
        watching.abort();
        let logged = log.logged();
        println!(
            "| {what} | {} connections | {logged:?}",
            server.connections()
        );
        assert!((1..=2).contains(&logged.len()), "{what}: {logged:?}");
        assert!(
            server.connections() < 30,
            "{what}: {}",
            server.connections()
        );
    }
}

#[tokio::test]
async fn name_without_an_address_is_one_line() {
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    let store = store("redis://no-such-host.invalid");
    look_up_in_vain(&store).await;
    let logged = log.logged();
    assert_eq!(logged.len(), 1, "{logged:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn cluster_that_is_down_is_not_flooded() {
    let mut cluster = Cluster::start_with_node_timeout(60_000).await;
    let store = store(&cluster.url());
    fill(&store, 10).await;
    let watching = watch(&store);
    for node in &mut cluster.nodes {
        node.kill();
    }
    // In the place of a node is one that accepts and closes.
    let port = cluster.nodes[0].port;
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let counting = tokio::spawn(async move {
        let mut count = 0_u32;
        let started = Instant::now();
        while let Ok(accepted) = tokio::time::timeout(OUTAGE, listener.accept()).await {
            drop(accepted.unwrap());
            count += 1;
            if started.elapsed() > OUTAGE {
                break;
            }
        }
        count
    });
    look_up_in_vain(&store).await;
    let count = counting.await.unwrap();
    println!("a cluster that is down: {count} connections to a node in {OUTAGE:?}");
    assert!(count < 60, "{count}");
    watching.abort();

    for node in &mut cluster.nodes {
        node.launch().await;
    }
    look_up_until_it_works(&store).await;
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn end_of_an_outage_is_logged_though_a_node_of_the_cluster_does_not_answer() {
    let mut cluster = Cluster::start_with_node_timeout(60_000).await;
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    let store = store(&cluster.url());
    let ids = fill(&store, 1).await;
    let silent = cluster.owner_of(&ids[0]).await;
    let until_logged = async |text: &'static str, times: usize| {
        let patience = Patience::until(text);
        while log.logged().iter().filter(|it| it.contains(text)).count() < times {
            let _failed = store.lookup(&ids[0]).await;
            patience.wait().await;
        }
    };
    until_logged("connected to Redis", 1).await;
    // The node of the session stays down, and then freezes.
    for outage in 1..=2 {
        for node in &mut cluster.nodes {
            node.kill();
        }
        until_logged("cannot use Redis", outage).await;
        for (number, node) in cluster.nodes.iter_mut().enumerate() {
            if number != silent || outage == 2 {
                node.launch().await;
            }
        }
        let patience = Patience::until("the nodes serve their slots");
        for number in (0..cluster.nodes.len()).filter(|number| *number != silent) {
            while cluster.node_is_down(number).await {
                patience.wait().await;
            }
        }
        if outage == 2 {
            cluster.nodes[silent].freeze();
        }
        until_logged("connected to Redis", outage + 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn master_of_a_cluster_that_is_down_is_not_flooded() {
    let mut cluster = Cluster::start_with_node_timeout(60_000).await;
    let config = cluster.url().parse::<RedisConfig>().unwrap();
    let store = Arc::new(RedisStore::new(config));
    let ids = fill(&store, 60).await;
    let victim = cluster.owner_of(&ids[0]).await;
    cluster.nodes[victim].kill();
    let port = cluster.nodes[victim].port;
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let counting = tokio::spawn(async move {
        let mut count = 0_u32;
        loop {
            drop(listener.accept().await.unwrap());
            count += 1;
            if count >= 1_000 {
                return;
            }
        }
    });
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (store, session) = (Arc::clone(&store), ids[0].clone());
            tokio::spawn(async move {
                let started = Instant::now();
                while started.elapsed() < OUTAGE {
                    let _failed = store.lookup(&session).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(
        !counting.is_finished(),
        "1,000 connections to a node in {OUTAGE:?}"
    );
    counting.abort();
}
