//! Telling of changes over connections that break, fall silent, lead to the
//! wrong server, or are refused.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use dcv_resolver_core::{SessionListing, SessionRegistry, SessionStore};
use dcv_resolver_redis::RedisStore;
use tokio::time::Instant;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

use crate::support::{
    Patience, Proxy, Sentinels, Server, TOKEN, Telling, Told, fill, id, now, patient_store, record,
    store,
};
use crate::tls::Authority;

async fn tells(telling: &Telling, server: &Server) {
    let mark = telling.mark();
    server.run("SET dcv:session:a text").await;
    let told = Told::Changed(id("a"));
    telling.soon(mark, Instant::now(), &told, "SET").await;
    telling.confirmed(mark).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn a_server_that_is_killed_and_restarted() {
    let mut server = Server::start_durable().await;
    let store = store(&server.url());
    let telling = Telling::start(&store).await;
    for round in 1..=5 {
        let mark = telling.mark();
        server.kill();
        let killed = Instant::now();
        let lost = telling.lost(mark).await;
        println!(
            "| killed | lost after {:?} |",
            lost.saturating_duration_since(killed)
        );
        if round % 2 == 0 {
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        server.launch().await;
        telling
            .recovers(mark, "killed and restarted", Instant::now())
            .await;
        tells(&telling, &server).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn a_black_hole() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port).await;
    let store = store(&format!("redis://127.0.0.1:{}", proxy.port));
    let telling = Telling::start(&store).await;
    let mark = telling.mark();
    let fault = std::time::Instant::now();
    proxy.black_hole();
    let mended = Instant::now();
    let lost = telling.lost(mark).await;
    println!(
        "| black hole | lost after {:?} |",
        lost.saturating_duration_since(mended)
    );
    let confirmed_since = |told: &Told| matches!(told, Told::Confirmed(moment) if *moment > fault);
    let told = telling.since(mark);
    let before_lost = told.iter().take_while(|told| **told != Told::Lost);
    assert_eq!(before_lost.filter(|told| confirmed_since(told)).count(), 0);
    telling
        .recovers(mark, "black hole, new connections work", mended)
        .await;
    tells(&telling, &server).await;
    // One for lookups and one to listen, twice.
    assert_eq!(proxy.connections(), 4);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn a_server_that_freezes_and_thaws() {
    let server = Server::start().await;
    let store = store(&server.url());
    let telling = Telling::start(&store).await;
    let mark = telling.mark();
    server.freeze();
    telling.lost(mark).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(telling.since(mark).last(), Some(&Told::Lost));
    server.thaw();
    telling
        .recovers(mark, "frozen and thawed", Instant::now())
        .await;
    tells(&telling, &server).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn one_byte_at_a_time() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port).await;
    proxy.slice();
    let store = patient_store(&format!("redis://127.0.0.1:{}", proxy.port));
    let telling = Telling::start(&store).await;
    tells(&telling, &server).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn a_connection_that_is_closed_while_the_other_one_stays() {
    let server = Server::start().await;
    let store = store(&server.url());
    let telling = Telling::start(&store).await;
    let mark = telling.mark();
    server.kill_connections(true).await;
    telling
        .recovers(mark, "listener's connection closed", Instant::now())
        .await;
    tells(&telling, &server).await;

    // Lookups come from the same process as before: nothing is lost.
    let mark = telling.mark();
    server.kill_connections(false).await;
    assert_eq!(store.lookup(&id("absent")).await.unwrap(), None);
    telling.confirmed(mark).await;
    telling.confirmed(telling.mark()).await;
    assert!(!telling.since(mark).contains(&Told::Lost));
    tells(&telling, &server).await;
}

/// As when a name is given another address: old connections lead to the old
/// server, and new ones to the new.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn lookups_and_changes_come_from_the_same_server() {
    for telling_is_first in [true, false] {
        let (old, new) = (Server::start().await, Server::start().await);
        let proxy = Proxy::start(old.port).await;
        let store = store(&format!("redis://127.0.0.1:{}", proxy.port));
        let telling = Telling::start(&store).await;
        fill(&patient_store(&new.url()), 1).await;
        assert_eq!(store.lookup(&id("s-0")).await.unwrap(), None);
        proxy.point_at(new.port);
        let mark = telling.mark();
        old.kill_connections(telling_is_first).await;
        if !telling_is_first {
            // The one that the connection is found to be closed by.
            store.lookup(&id("s-0")).await.unwrap();
        }
        let mended = Instant::now();
        telling
            .recovers(mark, "another server behind the address", mended)
            .await;
        assert!(store.lookup(&id("s-0")).await.unwrap().is_some());
        tells(&telling, &new).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn a_sentinel_fail_over() {
    let mut all = Sentinels::start().await;
    let store = store(&all.url());
    fill(&store, 3).await;
    all.replicated().await;
    let telling = Telling::start(&store).await;
    let mark = telling.mark();
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
    telling
        .recovers(mark, "Sentinel fail-over", Instant::now())
        .await;
    tells(&telling, all.server(new)).await;

    all.server(old).launch().await;
    let patience = Patience::until("the old master is demoted");
    while all.is_master(old).await {
        patience.wait().await;
    }
    tells(&telling, all.server(new)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn a_master_that_is_demoted_while_its_connections_stay() {
    let mut all = Sentinels::start().await;
    let store = store(&all.url());
    let telling = Telling::start(&store).await;
    let old = all.master().await;
    let other = all
        .servers
        .iter()
        .find(|server| server.port != old)
        .unwrap()
        .port;
    all.look_often().await;
    let mark = telling.mark();
    all.server(other).run("REPLICAOF NO ONE").await;
    let demote = format!("REPLICAOF 127.0.0.1 {other}");
    all.server(old).run(&demote).await;
    let demoted = Instant::now();
    let lost = telling.lost(mark).await;
    println!(
        "| demoted | lost after {:?} |",
        lost.saturating_duration_since(demoted)
    );
    // The sentinels see to it that there is a master again; the first of them
    // may be the last to know which.
    telling.confirmed(mark).await;
    let patience = Patience::until("the first sentinel names a master that is one");
    let mut master = all.master().await;
    while !all.is_master(master).await {
        patience.wait().await;
        master = all.master().await;
    }
    tells(&telling, all.server(master)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn the_permissions_in_the_readme_are_enough_with_sentinels() {
    let mut all = Sentinels::start().await;
    let master = all.master().await;
    let rules = format!(
        "ACL SETUSER ann on >{PASSWORD} resetkeys ~dcv:session:* resetchannels \
         +get +ping +role +info +client|tracking"
    );
    all.server(master).run(&rules).await;
    let url = all.url().replace("://", &format!("://ann:{PASSWORD}@"));
    let telling = Telling::start(&patient_store(&url)).await;
    tells(&telling, all.server(master)).await;
    assert!(!telling.recorder.all().contains(&Told::Lost));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn over_tls() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1").await;
    let store = authority.store(&server);
    let telling = Telling::start(&store).await;
    let mark = telling.mark();
    let other = authority.store(&server);
    other
        .register(&record(&id("console")), &TOKEN, now())
        .await
        .unwrap();
    let told = Told::Changed(id("console"));
    telling.soon(mark, Instant::now(), &told, "register").await;
    telling.confirmed(mark).await;
}

const PASSWORD: &str = "tr0ub4dor-changes";

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_refusal_is_said_once_and_asked_about_again() {
    let server = Server::start().await;
    let rules = format!(
        "ACL SETUSER ann on >{PASSWORD} resetkeys ~dcv:session:* resetchannels \
         +get +set +del +eval +evalsha +scan +info +ping"
    );
    server.run(&rules).await;
    let url = format!("redis://ann:{PASSWORD}@127.0.0.1:{}", server.port);
    let (warnings, guard) = Warnings::of_this_thread();
    let store = patient_store(&url);
    let telling = Telling::begin(&store);
    telling.untold(0).await;
    let patience = Patience::until("it was asked twice");
    while denials(&server).await < 2 {
        patience.wait().await;
    }
    assert_eq!(telling.recorder.all(), [Told::Untold]);
    let said = warnings.said();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("does not tell of changes"), "{said:?}");
    assert!(!said[0].contains("tr0ub4dor"), "{said:?}");
    drop(guard);

    // With the permissions in the README it works.
    server.run("ACL SETUSER ann +client|tracking").await;
    telling.confirmed(0).await;
    tells(&telling, &server).await;
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
async fn where_it_is_refused_a_new_connection_is_told_and_asked_at_once() {
    let (server, store) = refusing().await;
    let telling = Telling::begin(&store);
    telling.untold(0).await;
    for round in 1..=3 {
        let mark = telling.mark();
        server.kill_connections(false).await;
        assert_eq!(store.lookup(&id("absent")).await.unwrap(), None);
        let connected = Instant::now();
        let at = telling.untold(mark).await;
        let took = at.saturating_duration_since(connected);
        println!("| new connection {round} | told after {took:?} |");
        assert!(took < TOLD_ANEW, "{took:?}");
    }
    // Another server may tell.
    server.run("ACL SETUSER ann +client|tracking").await;
    let mark = telling.mark();
    server.kill_connections(false).await;
    assert_eq!(store.lookup(&id("absent")).await.unwrap(), None);
    let connected = Instant::now();
    telling.confirmed(mark).await;
    assert!(connected.elapsed() < TOLD_ANEW);
    assert_eq!(telling.since(mark)[0], Told::All);
    tells(&telling, &server).await;
}

/// Half of the pause between two questions.
const TOLD_ANEW: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn a_refusal_after_it_has_worked() {
    let (server, store) = refusing().await;
    server.run("ACL SETUSER ann +client|tracking").await;
    let telling = Telling::start(&store).await;
    tells(&telling, &server).await;
    let mark = telling.mark();
    server.run("ACL SETUSER ann -client|tracking").await;
    server.kill_connections(true).await;
    telling.untold(mark).await;
    let told = telling.since(mark);
    let told: Vec<_> = told
        .iter()
        .skip_while(|told| **told != Told::Lost)
        .collect();
    assert_eq!(told, [&Told::Lost, &Told::Untold]);

    // Without a loss before it, and beside the same connection of lookups.
    server.run("ACL SETUSER ann +client|tracking").await;
    telling.confirmed(mark).await;
    let mark = telling.mark();
    server.run("ACL SETUSER ann -info").await;
    telling.untold(mark).await;
    assert!(!telling.since(mark).contains(&Told::Lost));

    // The last word, too.
    let recorder = Arc::clone(&telling.recorder);
    drop(telling);
    let patience = Patience::until("nobody tells any more");
    while Arc::strong_count(&recorder) > 1 {
        patience.wait().await;
    }
    assert_eq!(recorder.all().last(), Some(&Told::Untold));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn a_server_that_refuses_and_is_gone_is_lost_until_it_refuses_again() {
    let mut server =
        Server::start_with(&["--rename-command", "HELLO", "", "--requirepass", PASSWORD]).await;
    let store = patient_store(&format!("redis://:{PASSWORD}@127.0.0.1:{}", server.port));
    let telling = Telling::begin(&store);
    telling.untold(0).await;
    let mark = telling.mark();
    server.kill();
    // When it is asked again.
    telling.lost(mark).await;
    server.launch().await;
    telling.untold(mark).await;
    let told = telling.since(mark);
    assert_eq!(told, [Told::Lost, Told::Untold]);
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
async fn a_server_without_resp3_does_not_tell() {
    let server =
        Server::start_with(&["--rename-command", "HELLO", "", "--requirepass", PASSWORD]).await;
    let (warnings, _guard) = Warnings::of_this_thread();
    let store = patient_store(&format!("redis://:{PASSWORD}@127.0.0.1:{}", server.port));
    let telling = Telling::begin(&store);
    telling.untold(0).await;
    assert_eq!(store.lookup(&id("absent")).await.unwrap(), None);
    let said = warnings.said();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("RESP3"), "{said:?}");
    assert!(!said[0].contains("tr0ub4dor"), "{said:?}");
}

/// While there is but one subscriber, an event is switched off for the whole
/// process when a thread without it is the first to come by. So there is always
/// another.
static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Warnings::default()));

/// The texts of all warnings of this thread.
#[derive(Debug, Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    fn of_this_thread() -> (Self, DefaultGuard) {
        LazyLock::force(&ANOTHER);
        let warnings = Self::default();
        let guard = tracing::subscriber::set_default(warnings.clone());
        (warnings, guard)
    }

    fn said(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN && metadata.target().starts_with("dcv_resolver")
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = String::new();
        event.record(
            &mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
                text.push_str(&format!("{field}={value:?} "));
            },
        );
        self.0.lock().unwrap().push(text);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
