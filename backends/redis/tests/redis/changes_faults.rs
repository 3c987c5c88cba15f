//! Watching changes over connections that break, fall silent, lead to the
//! wrong server, or are refused.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{SessionListing, SessionRegistry, SessionStore};
use dcv_resolver_redis::RedisStore;
use tokio::time::Instant;
use tracing::Level;

use crate::support::{
    Log, Patience, Proxy, Reported, Sentinels, Server, TOKEN, Watch, fill, id, now, patient_store,
    record, store,
};
use crate::tls::Authority;

async fn reports(watch: &Watch, server: &Server) {
    let mark = watch.mark();
    server.run("SET dcv:session:a text").await;
    let reported = Reported::Changed(id("a"));
    watch.soon(mark, Instant::now(), &reported, "SET").await;
    watch.caught_up(mark).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn source_recovers_from_killed_server() {
    let mut server = Server::start_durable().await;
    let store = store(&server.url());
    let watch = Watch::start(&store).await;
    for round in 1..=5 {
        let mark = watch.mark();
        server.kill();
        let killed = Instant::now();
        let noticed = watch.disconnected(mark).await;
        println!(
            "| killed | disconnected after {:?} |",
            noticed.saturating_duration_since(killed)
        );
        if round % 2 == 0 {
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        server.launch().await;
        watch
            .recovers(mark, "killed and restarted", Instant::now())
            .await;
        reports(&watch, &server).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn source_recovers_from_silent_connection() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port).await;
    let store = store(&format!("redis://127.0.0.1:{}", proxy.port));
    let watch = Watch::start(&store).await;
    let mark = watch.mark();
    let fault = std::time::Instant::now();
    proxy.black_hole();
    let repaired = Instant::now();
    let noticed = watch.disconnected(mark).await;
    println!(
        "| black hole | disconnected after {:?} |",
        noticed.saturating_duration_since(repaired)
    );
    let is_after_fault =
        |event: &Reported| matches!(event, Reported::CaughtUp(moment) if *moment > fault);
    let events = watch.since(mark);
    let before_gap = events
        .iter()
        .take_while(|event| **event != Reported::Disconnected);
    assert_eq!(before_gap.filter(|event| is_after_fault(event)).count(), 0);
    watch
        .recovers(mark, "black hole, new connections work", repaired)
        .await;
    reports(&watch, &server).await;
    // One for lookups and one to listen, twice.
    assert_eq!(proxy.connections(), 4);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn source_recovers_from_frozen_server() {
    let server = Server::start().await;
    let store = store(&server.url());
    let watch = Watch::start(&store).await;
    let mark = watch.mark();
    server.freeze();
    watch.disconnected(mark).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(watch.since(mark).last(), Some(&Reported::Disconnected));
    server.thaw();
    watch
        .recovers(mark, "frozen and thawed", Instant::now())
        .await;
    reports(&watch, &server).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn pushes_in_single_bytes_are_reported() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port).await;
    proxy.slice();
    let store = patient_store(&format!("redis://127.0.0.1:{}", proxy.port));
    let watch = Watch::start(&store).await;
    reports(&watch, &server).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn source_recovers_from_one_closed_connection() {
    let server = Server::start().await;
    let store = store(&server.url());
    let watch = Watch::start(&store).await;
    let mark = watch.mark();
    server.kill_connections(true).await;
    watch
        .recovers(mark, "listener's connection closed", Instant::now())
        .await;
    reports(&watch, &server).await;

    // Lookups come from the same process as before: there is no gap.
    let mark = watch.mark();
    server.kill_connections(false).await;
    assert_eq!(store.lookup(&id("absent")).await.unwrap(), None);
    watch.caught_up(mark).await;
    watch.caught_up(watch.mark()).await;
    assert!(!watch.since(mark).contains(&Reported::Disconnected));
    reports(&watch, &server).await;
}

/// As when a name is given another address: old connections lead to the old
/// server, and new ones to the new.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn lookups_and_changes_come_from_the_same_server() {
    for watch_is_first in [true, false] {
        let (old, new) = (Server::start().await, Server::start().await);
        let proxy = Proxy::start(old.port).await;
        let store = store(&format!("redis://127.0.0.1:{}", proxy.port));
        let watch = Watch::start(&store).await;
        fill(&patient_store(&new.url()), 1).await;
        assert_eq!(store.lookup(&id("s-0")).await.unwrap(), None);
        proxy.point_at(new.port);
        let mark = watch.mark();
        old.kill_connections(watch_is_first).await;
        if !watch_is_first {
            // The one that the connection is found to be closed by.
            store.lookup(&id("s-0")).await.unwrap();
        }
        let repaired = Instant::now();
        watch
            .recovers(mark, "another server behind the address", repaired)
            .await;
        assert!(store.lookup(&id("s-0")).await.unwrap().is_some());
        reports(&watch, &new).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn source_follows_sentinel_fail_over() {
    let mut all = Sentinels::start().await;
    let store = store(&all.url());
    fill(&store, 3).await;
    all.replicated().await;
    let watch = Watch::start(&store).await;
    let mark = watch.mark();
    let old = all.master().await;
    all.server(old).kill();
    let patience = Patience::until("the replica is promoted");
    while all.master().await == old {
        patience.wait().await;
    }
    let new = all.master().await;
    let patience = Patience::until("the new master knows that it is one");
    while !all.is_master(new).await {
        patience.wait().await;
    }
    watch
        .recovers(mark, "Sentinel fail-over", Instant::now())
        .await;
    reports(&watch, all.server(new)).await;

    all.server(old).launch().await;
    let patience = Patience::until("the old master is demoted");
    while all.is_master(old).await {
        patience.wait().await;
    }
    reports(&watch, all.server(new)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn source_leaves_demoted_master() {
    let mut all = Sentinels::start().await;
    let store = store(&all.url());
    let watch = Watch::start(&store).await;
    let old = all.master().await;
    let other = all
        .servers
        .iter()
        .find(|server| server.port != old)
        .unwrap()
        .port;
    all.look_often().await;
    let mark = watch.mark();
    all.server(other).run("REPLICAOF NO ONE").await;
    let demote = format!("REPLICAOF 127.0.0.1 {other}");
    all.server(old).run(&demote).await;
    let demoted = Instant::now();
    let noticed = watch.disconnected(mark).await;
    println!(
        "| demoted | disconnected after {:?} |",
        noticed.saturating_duration_since(demoted)
    );
    // The sentinels see to it that there is a master again; the first of them
    // may be the last to know which.
    watch.caught_up(mark).await;
    let patience = Patience::until("the first sentinel names a master that is one");
    let mut master = all.master().await;
    while !all.is_master(master).await {
        patience.wait().await;
        master = all.master().await;
    }
    reports(&watch, all.server(master)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn permissions_in_readme_suffice_with_sentinels() {
    let mut all = Sentinels::start().await;
    let master = all.master().await;
    let rules = format!(
        "ACL SETUSER ann on >{PASSWORD} resetkeys ~dcv:session:* resetchannels \
         +get +ping +role +info +client|tracking"
    );
    all.server(master).run(&rules).await;
    let url = all.url().replace("://", &format!("://ann:{PASSWORD}@"));
    let watch = Watch::start(&patient_store(&url)).await;
    reports(&watch, all.server(master)).await;
    assert!(!watch.recorder.all().contains(&Reported::Disconnected));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn changes_are_reported_over_tls() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1").await;
    let store = authority.store(&server);
    let watch = Watch::start(&store).await;
    let mark = watch.mark();
    let other = authority.store(&server);
    other
        .register(&record(&id("console")), &TOKEN, now())
        .await
        .unwrap();
    let reported = Reported::Changed(id("console"));
    watch
        .soon(mark, Instant::now(), &reported, "register")
        .await;
    watch.caught_up(mark).await;
}

const PASSWORD: &str = "tr0ub4dor-changes";

#[tokio::test]
#[ignore = "needs redis-server"]
async fn refusal_is_logged_once_and_retried() {
    let server = Server::start().await;
    let rules = format!(
        "ACL SETUSER ann on >{PASSWORD} resetkeys ~dcv:session:* resetchannels \
         +get +set +del +eval +evalsha +scan +info +ping"
    );
    server.run(&rules).await;
    let url = format!("redis://ann:{PASSWORD}@127.0.0.1:{}", server.port);
    let (warnings, guard) = Log::of_this_thread(Level::WARN);
    let store = patient_store(&url);
    let watch = Watch::begin(&store);
    watch.unsupported(0).await;
    let patience = Patience::until("it was asked twice");
    while denials(&server).await < 2 {
        patience.wait().await;
    }
    assert_eq!(watch.recorder.all(), [Reported::Unsupported]);
    let logged = warnings.logged();
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert!(logged[0].contains("does not report changes"), "{logged:?}");
    assert!(!logged[0].contains("tr0ub4dor"), "{logged:?}");
    drop(guard);

    // With the permissions in the README it works.
    server.run("ACL SETUSER ann +client|tracking").await;
    watch.caught_up(0).await;
    reports(&watch, &server).await;
    server.run("DEL dcv:session:a").await;
    store.list(None, 10.try_into().unwrap()).await.unwrap();
}

/// A server whose user `ann` may look up, and not listen.
async fn refusing() -> (Server, RedisStore) {
    let server = Server::start().await;
    let rules = format!(
        "ACL SETUSER ann on >{PASSWORD} resetkeys ~dcv:session:* resetchannels +get +info +ping"
    );
    server.run(&rules).await;
    let url = format!("redis://ann:{PASSWORD}@127.0.0.1:{}", server.port);
    let store = patient_store(&url);
    (server, store)
}

/// What lookups are answered from there may be another server, and know nothing
/// of what was answered before.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn refusal_is_reported_and_retried_for_each_new_connection() {
    let (server, store) = refusing().await;
    let watch = Watch::begin(&store);
    watch.unsupported(0).await;
    for round in 1..=3 {
        let mark = watch.mark();
        server.kill_connections(false).await;
        assert_eq!(store.lookup(&id("absent")).await.unwrap(), None);
        let connected = Instant::now();
        let at = watch.unsupported(mark).await;
        let took = at.saturating_duration_since(connected);
        println!("| new connection {round} | reported after {took:?} |");
        assert!(took < ASKED_AGAIN, "{took:?}");
    }
    // Another server may tell.
    server.run("ACL SETUSER ann +client|tracking").await;
    let mark = watch.mark();
    server.kill_connections(false).await;
    assert_eq!(store.lookup(&id("absent")).await.unwrap(), None);
    let connected = Instant::now();
    watch.caught_up(mark).await;
    assert!(connected.elapsed() < ASKED_AGAIN);
    assert_eq!(watch.since(mark)[0], Reported::AllChanged);
    reports(&watch, &server).await;
}

/// Half of the pause between two questions.
const ASKED_AGAIN: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn refusal_after_success_is_reported() {
    let (server, store) = refusing().await;
    server.run("ACL SETUSER ann +client|tracking").await;
    let watch = Watch::start(&store).await;
    reports(&watch, &server).await;
    let mark = watch.mark();
    server.run("ACL SETUSER ann -client|tracking").await;
    server.kill_connections(true).await;
    watch.unsupported(mark).await;
    let events = watch.since(mark);
    let events: Vec<_> = events
        .iter()
        .skip_while(|event| **event != Reported::Disconnected)
        .collect();
    assert_eq!(events, [&Reported::Disconnected, &Reported::Unsupported]);

    // Without a loss before it, and beside the same connection of lookups.
    server.run("ACL SETUSER ann +client|tracking").await;
    watch.caught_up(mark).await;
    let mark = watch.mark();
    server.run("ACL SETUSER ann -info").await;
    watch.unsupported(mark).await;
    assert!(!watch.since(mark).contains(&Reported::Disconnected));

    // The last word, too.
    let recorder = Arc::clone(&watch.recorder);
    drop(watch);
    let patience = Patience::until("the watch has ended");
    while Arc::strong_count(&recorder) > 1 {
        patience.wait().await;
    }
    assert_eq!(recorder.all().last(), Some(&Reported::Unsupported));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn refusing_server_that_ends_is_disconnected_until_it_refuses_again() {
    let mut server =
        Server::start_with(&["--rename-command", "HELLO", "", "--requirepass", PASSWORD]).await;
    let store = patient_store(&format!("redis://:{PASSWORD}@127.0.0.1:{}", server.port));
    let watch = Watch::begin(&store);
    watch.unsupported(0).await;
    let mark = watch.mark();
    server.kill();
    // When it is asked again.
    watch.disconnected(mark).await;
    server.launch().await;
    watch.unsupported(mark).await;
    let events = watch.since(mark);
    assert_eq!(events, [Reported::Disconnected, Reported::Unsupported]);
}

/// How often a `CLIENT TRACKING` was denied.
async fn denials(server: &Server) -> u64 {
    let log = server.run("ACL LOG").await;
    let entries: Vec<std::collections::HashMap<String, redis::Value>> =
        redis::from_redis_value(log).unwrap();
    let tracking = entries
        .into_iter()
        .filter(|entry| entry["object"] == redis::Value::BulkString(b"client|tracking".to_vec()));
    let counts = tracking.map(|mut entry| {
        let count = entry.remove("count").unwrap();
        redis::from_redis_value::<u64>(count).unwrap()
    });
    counts.sum()
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn server_without_resp3_is_unsupported() {
    let server =
        Server::start_with(&["--rename-command", "HELLO", "", "--requirepass", PASSWORD]).await;
    let (warnings, _guard) = Log::of_this_thread(Level::WARN);
    let store = patient_store(&format!("redis://:{PASSWORD}@127.0.0.1:{}", server.port));
    let watch = Watch::begin(&store);
    watch.unsupported(0).await;
    assert_eq!(store.lookup(&id("absent")).await.unwrap(), None);
    let logged = warnings.logged();
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert!(logged[0].contains("RESP3"), "{logged:?}");
    assert!(!logged[0].contains("tr0ub4dor"), "{logged:?}");
}
