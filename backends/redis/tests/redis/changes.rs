//! The events that a listener receives, whatever program makes the change.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{
    ChangeSource, Expiry, OnConflict, SessionImport, SessionRegistry, SessionStore, Timestamp,
};
use dcv_resolver_redis::{RedisOptions, RedisStore};
use tokio::time::Instant;

use crate::support::{
    OTHER_TOKEN, Patience, Proxy, Recorder, Reported, Server, TOKEN, Watch, fill, id, now, patient,
    patient_store, record,
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn change_by_any_command_is_reported() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    fill(&store, 3).await;
    let watch = Watch::start(&store).await;
    for (command, sessions) in [
        ("SET dcv:session:a text", &["a"][..]),
        // All keys of one message, not only the first.
        ("MSET dcv:session:a 1 other 2 dcv:session:b 3", &["a", "b"]),
        ("RENAME dcv:session:a other", &["a"]),
        ("RENAME other dcv:session:c", &["c"]),
        ("RENAME dcv:session:b dcv:session:c", &["b", "c"]),
        ("COPY dcv:session:c dcv:session:d", &["d"]),
        ("MOVE dcv:session:d 3", &["d"]),
        ("APPEND dcv:session:c more", &["c"]),
        ("PEXPIRE dcv:session:c 100000000", &["c"]),
        ("PERSIST dcv:session:c", &["c"]),
        ("DEL dcv:session:c", &["c"]),
        ("UNLINK dcv:session:s-0", &["s-0"]),
        ("HSET dcv:session:h a b", &["h"]),
        ("SET dcv:session:e text PX 20", &["e"]),
    ] {
        let mark = watch.mark();
        server.run(command).await;
        let made = Instant::now();
        for session in sessions {
            let reported = Reported::Changed(id(session));
            watch.soon(mark, made, &reported, command).await;
        }
    }
    // The key that was set last expires by itself.
    let expired = Instant::now();
    let is_expired = |events: &[Reported]| {
        let set_and_expired = events
            .iter()
            .filter(|event| **event == Reported::Changed(id("e")));
        set_and_expired.count() >= 2
    };
    let patience = Patience::until("the expiry is reported");
    while !is_expired(&watch.recorder.all()) {
        patience.wait().await;
    }
    println!("| expiry | reported after {:?} |", expired.elapsed());
    for command in ["FLUSHDB", "FLUSHALL", "FLUSHALL ASYNC"] {
        let mark = watch.mark();
        server.run(command).await;
        watch
            .soon(mark, Instant::now(), &Reported::AllChanged, command)
            .await;
        assert_eq!(store.lookup(&id("s-1")).await.unwrap(), None);
    }
    assert!(!watch.recorder.all().contains(&Reported::Disconnected));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn swapped_databases_are_reported() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    fill(&store, 1).await;
    let watch = Watch::start(&store).await;
    for (command, is_there) in [
        ("SWAPDB 0 1", false),
        ("EVAL redis.call('SWAPDB',0,1) 0", true),
        ("SWAPDB 1 0", false),
    ] {
        let mark = watch.mark();
        server.run(command).await;
        watch.caught_up(mark).await;
        let events = watch.since(mark);
        // One may come that was under way.
        let mut events = events
            .iter()
            .skip_while(|event| matches!(event, Reported::CaughtUp(_)));
        assert_eq!(events.next(), Some(&Reported::AllChanged), "{command}");
        let found = store.lookup(&id("s-0")).await.unwrap();
        assert_eq!(found.is_some(), is_there, "{command}");
    }
    let mark = watch.mark();
    watch.caught_up(mark).await;
    assert!(
        !watch.since(mark).contains(&Reported::AllChanged),
        "reported once"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn change_by_another_process_is_reported_and_visible() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    let other = patient_store(&server.url());
    let watch = Watch::start(&store).await;
    let session = id("console");
    let soon = Timestamp::from_unix_ms(now().as_unix_ms() + 1_000);
    let record = record(&session).with_expiry(Expiry::At(soon));

    let (mark, reported) = (watch.mark(), Reported::Changed(session.clone()));
    other.register(&record, &TOKEN, now()).await.unwrap();
    watch
        .soon(mark, Instant::now(), &reported, "register")
        .await;
    assert_eq!(store.lookup(&session).await.unwrap(), Some(record.clone()));

    let mark = watch.mark();
    other
        .renew(&session, &TOKEN, Expiry::Never, now())
        .await
        .unwrap();
    watch.soon(mark, Instant::now(), &reported, "renew").await;
    let found = store.lookup(&session).await.unwrap().unwrap();
    assert_eq!(found.expiry(), Expiry::Never);

    let mark = watch.mark();
    assert!(other.deregister(&session, &TOKEN).await.unwrap());
    watch
        .soon(mark, Instant::now(), &reported, "deregister")
        .await;
    assert_eq!(store.lookup(&session).await.unwrap(), None);

    let mark = watch.mark();
    let records = [record];
    other
        .import(&records, &OTHER_TOKEN, OnConflict::Skip, now())
        .await
        .unwrap();
    watch.soon(mark, Instant::now(), &reported, "import").await;
    assert!(store.lookup(&session).await.unwrap().is_some());

    let mark = watch.mark();
    let later = Timestamp::from_unix_ms(soon.as_unix_ms() + 1);
    assert_eq!(other.sweep(later).await.unwrap(), 1);
    watch.soon(mark, Instant::now(), &reported, "sweep").await;
    assert_eq!(store.lookup(&session).await.unwrap(), None);

    // And what this one does itself.
    let mark = watch.mark();
    store.register(&records[0], &TOKEN, now()).await.unwrap();
    watch
        .soon(mark, Instant::now(), &reported, "own register")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn change_of_foreign_key_is_not_reported() {
    let server = Server::start().await;
    let config = patient(server.url().parse().unwrap());
    let watch = Watch::start(&RedisStore::new(config.key_prefix("mine[*]:"))).await;
    let mut admin = server.admin().await;
    let too_long = format!("mine[*]:{}", "x".repeat(257));
    for key in [
        b"dcv:session:a".as_slice(),
        b"mine[*]:",
        b"mine[*]:\xff",
        b"mine[*]:\n",
        b"minex:a",
        b"mine",
        too_long.as_bytes(),
        b"mine[*]:last",
    ] {
        let mut command = redis::cmd("SET");
        command.arg(key).arg("text");
        command.exec_async(&mut admin).await.unwrap();
    }
    watch.caught_up(0).await;
    let events = watch.recorder.all();
    let changed: Vec<_> = events
        .into_iter()
        .filter(|event| matches!(event, Reported::Changed(_)))
        .collect();
    assert_eq!(changed, [Reported::Changed(id("last"))]);
}

/// What is pushed comes in order with the answers, and the driver hands it
/// over before it hands over the answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs redis-server"]
async fn change_is_reported_before_later_catch_up() {
    let server = Server::start().await;
    catches_up_after_reporting(&server, &server.url(), Duration::ZERO).await;
}

/// The answer to a heartbeat is under way while there are changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs redis-server"]
async fn change_is_reported_before_later_catch_up_over_slow_connection() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port).await;
    proxy.delay(Duration::from_millis(30));
    let url = format!("redis://127.0.0.1:{}", proxy.port);
    catches_up_after_reporting(&server, &url, Duration::from_millis(2)).await;
}

async fn catches_up_after_reporting(server: &Server, url: &str, pause: Duration) {
    let watch = Watch::start(&patient_store(url)).await;
    let end = Instant::now() + Duration::from_secs(3);
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let url = server.url();
            tokio::spawn(async move {
                let client = redis::Client::open(url).unwrap();
                let mut connection = client.get_multiplexed_async_connection().await.unwrap();
                let mut acknowledged = Vec::new();
                while Instant::now() < end {
                    let session = format!("{writer}-{}", acknowledged.len());
                    let mut command = redis::cmd("SET");
                    command.arg(format!("dcv:session:{session}")).arg("text");
                    command.exec_async(&mut connection).await.unwrap();
                    acknowledged.push((id(&session), std::time::Instant::now()));
                    if !pause.is_zero() {
                        tokio::time::sleep(pause).await;
                    }
                }
                acknowledged
            })
        })
        .collect();
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    watch.caught_up(0).await;

    let events = watch.recorder.all();
    let mut changed = HashMap::new();
    let mut confirmed = Vec::new();
    for (position, event) in events.into_iter().enumerate() {
        match event {
            Reported::Changed(id) => {
                changed.insert(id, position);
            }
            Reported::CaughtUp(moment) => confirmed.push((position, moment)),
            Reported::AllChanged | Reported::Disconnected | Reported::Unsupported => {}
        }
    }
    println!(
        "{} changes, {} confirmations",
        acknowledged.len(),
        confirmed.len()
    );
    assert!(!watch.recorder.all().contains(&Reported::Disconnected));
    assert!(confirmed.len() > 3);
    for (id, at) in acknowledged {
        let confirmation = confirmed.iter().find(|(_, moment)| *moment >= at);
        let (position, _) = confirmation.unwrap();
        assert!(changed[&id] < *position, "{id} is reported too late");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn watch_starts_while_redis_is_down_and_ends_when_dropped() {
    let mut server = Server::prepare(&[]);
    let store = patient_store(&server.url());
    let watch = Watch::begin(&store);
    watch.disconnected(0).await;
    server.launch().await;
    watch.caught_up(0).await;
    assert_eq!(
        watch.since(0)[..2],
        [Reported::Disconnected, Reported::AllChanged]
    );
    let listeners = async || {
        let clients = server.run("CLIENT LIST").await;
        let clients: String = redis::from_redis_value(clients).unwrap();
        let flags = |line: &str| line.contains(" flags=tB ") || line.contains(" flags=Bt ");
        clients.lines().filter(|line| flags(line)).count()
    };
    assert_eq!(listeners().await, 1);
    let recorder = watch.stop().await;
    let patience = Patience::until("the connection is closed");
    while listeners().await > 0 {
        patience.wait().await;
    }
    assert_eq!(recorder.all().last(), Some(&Reported::Disconnected));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn two_listeners_receive_the_same_events() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    let (one, two) = (Watch::start(&store).await, Watch::start(&store).await);
    server.run("SET dcv:session:a text").await;
    for watch in [&one, &two] {
        let reported = Reported::Changed(id("a"));
        watch.until(0, "a", |other| *other == reported).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn given_connection_is_unsupported() {
    let server = Server::start().await;
    let client = redis::Client::open(server.url()).unwrap();
    let manager = client.get_connection_manager().await.unwrap();
    let store = RedisStore::with_connection(manager, RedisOptions::default());
    let recorder = Arc::<Recorder>::default();
    let listener = Arc::<Recorder>::clone(&recorder);
    store.watch_changes(listener).await;
    assert_eq!(recorder.all(), [Reported::Unsupported]);
}
