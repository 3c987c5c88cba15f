//! What a listener is told, whoever makes the change.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{
    ChangeSource, Expiry, OnConflict, SessionImport, SessionRegistry, SessionStore, Timestamp,
};
use dcv_resolver_redis::{RedisConfig, RedisStore};
use tokio::time::Instant;

use crate::support::{
    OTHER_TOKEN, Patience, Proxy, Recorder, Server, TOKEN, Telling, Told, fill, id, now, patient,
    patient_store, record,
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn whatever_others_do_to_a_key_is_told() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    fill(&store, 3).await;
    let telling = Telling::start(&store).await;
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
        let mark = telling.mark();
        server.run(command).await;
        let made = Instant::now();
        for session in sessions {
            let told = Told::Changed(id(session));
            telling.soon(mark, made, &told, command).await;
        }
    }
    // The key that was set last expires by itself.
    let expired = Instant::now();
    let is_expired = |told: &[Told]| {
        let set_and_expired = told.iter().filter(|told| **told == Told::Changed(id("e")));
        set_and_expired.count() >= 2
    };
    let patience = Patience::until("the expiry is told");
    while !is_expired(&telling.recorder.all()) {
        patience.wait().await;
    }
    println!("| expiry | told after {:?} |", expired.elapsed());
    for command in ["FLUSHDB", "FLUSHALL", "FLUSHALL ASYNC"] {
        let mark = telling.mark();
        server.run(command).await;
        telling
            .soon(mark, Instant::now(), &Told::All, command)
            .await;
        assert_eq!(store.lookup(&id("s-1")).await.unwrap(), None);
    }
    assert!(!telling.recorder.all().contains(&Told::Lost));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn that_databases_were_swapped_is_told() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    fill(&store, 1).await;
    let telling = Telling::start(&store).await;
    for (command, is_there) in [
        ("SWAPDB 0 1", false),
        ("EVAL redis.call('SWAPDB',0,1) 0", true),
        ("SWAPDB 1 0", false),
    ] {
        let mark = telling.mark();
        server.run(command).await;
        telling.confirmed(mark).await;
        let told = telling.since(mark);
        // One may come that was under way.
        let mut told = told
            .iter()
            .skip_while(|told| matches!(told, Told::Confirmed(_)));
        assert_eq!(told.next(), Some(&Told::All), "{command}");
        let found = store.lookup(&id("s-0")).await.unwrap();
        assert_eq!(found.is_some(), is_there, "{command}");
    }
    let mark = telling.mark();
    telling.confirmed(mark).await;
    assert!(!telling.since(mark).contains(&Told::All), "told once");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn what_a_store_of_another_process_does_is_told_and_then_visible() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    let other = patient_store(&server.url());
    let telling = Telling::start(&store).await;
    let session = id("console");
    let soon = Timestamp::from_unix_ms(now().as_unix_ms() + 1_000);
    let record = record(&session).with_expiry(Expiry::At(soon));

    let (mark, told) = (telling.mark(), Told::Changed(session.clone()));
    other.register(&record, &TOKEN, now()).await.unwrap();
    telling.soon(mark, Instant::now(), &told, "register").await;
    assert_eq!(store.lookup(&session).await.unwrap(), Some(record.clone()));

    let mark = telling.mark();
    other
        .renew(&session, &TOKEN, Expiry::Never, now())
        .await
        .unwrap();
    telling.soon(mark, Instant::now(), &told, "renew").await;
    let found = store.lookup(&session).await.unwrap().unwrap();
    assert_eq!(found.expiry(), Expiry::Never);

    let mark = telling.mark();
    assert!(other.deregister(&session, &TOKEN).await.unwrap());
    telling
        .soon(mark, Instant::now(), &told, "deregister")
        .await;
    assert_eq!(store.lookup(&session).await.unwrap(), None);

    let mark = telling.mark();
    let records = [record];
    other
        .import(&records, &OTHER_TOKEN, OnConflict::Skip, now())
        .await
        .unwrap();
    telling.soon(mark, Instant::now(), &told, "import").await;
    assert!(store.lookup(&session).await.unwrap().is_some());

    let mark = telling.mark();
    let later = Timestamp::from_unix_ms(soon.as_unix_ms() + 1);
    assert_eq!(other.sweep(later).await.unwrap(), 1);
    telling.soon(mark, Instant::now(), &told, "sweep").await;
    assert_eq!(store.lookup(&session).await.unwrap(), None);

    // And what this one does itself.
    let mark = telling.mark();
    store.register(&records[0], &TOKEN, now()).await.unwrap();
    telling
        .soon(mark, Instant::now(), &told, "own register")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn what_is_no_session_of_the_store_is_not_told() {
    let server = Server::start().await;
    let config = patient(RedisConfig::from_url(&server.url()).unwrap());
    let telling = Telling::start(&RedisStore::new(config.key_prefix("mine[*]:"))).await;
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
    telling.confirmed(0).await;
    let told = telling.recorder.all();
    let changed: Vec<_> = told
        .into_iter()
        .filter(|told| matches!(told, Told::Changed(_)))
        .collect();
    assert_eq!(changed, [Told::Changed(id("last"))]);
}

/// What is pushed comes in order with the answers, and the driver hands it
/// over before it hands over the answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs redis-server"]
async fn a_change_is_told_before_a_moment_after_it_is_confirmed() {
    let server = Server::start().await;
    confirms_what_was_told(&server, &server.url(), Duration::ZERO).await;
}

/// The answer to a heartbeat is under way while there are changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs redis-server"]
async fn a_change_is_told_before_a_moment_after_it_is_confirmed_over_a_slow_connection() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port).await;
    proxy.delay(Duration::from_millis(30));
    let url = format!("redis://127.0.0.1:{}", proxy.port);
    confirms_what_was_told(&server, &url, Duration::from_millis(2)).await;
}

async fn confirms_what_was_told(server: &Server, url: &str, pause: Duration) {
    let telling = Telling::start(&patient_store(url)).await;
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
    telling.confirmed(0).await;

    let told = telling.recorder.all();
    let mut changed = HashMap::new();
    let mut confirmed = Vec::new();
    for (position, told) in told.into_iter().enumerate() {
        match told {
            Told::Changed(id) => {
                changed.insert(id, position);
            }
            Told::Confirmed(moment) => confirmed.push((position, moment)),
            Told::All | Told::Lost | Told::Untold => {}
        }
    }
    println!(
        "{} changes, {} confirmations",
        acknowledged.len(),
        confirmed.len()
    );
    assert!(!telling.recorder.all().contains(&Told::Lost));
    assert!(confirmed.len() > 3);
    for (id, at) in acknowledged {
        let confirmation = confirmed.iter().find(|(_, moment)| *moment >= at);
        let (position, _) = confirmation.unwrap();
        assert!(changed[&id] < *position, "{id} is told too late");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn it_starts_while_redis_is_down_and_ends_when_it_is_dropped() {
    let mut server = Server::prepare(&[]);
    let store = patient_store(&server.url());
    let telling = Telling::begin(&store);
    telling.lost(0).await;
    server.launch().await;
    telling.confirmed(0).await;
    assert_eq!(telling.since(0)[..2], [Told::Lost, Told::All]);
    let listeners = async || {
        let clients = server.run("CLIENT LIST").await;
        let clients: String = redis::from_redis_value(clients).unwrap();
        let flags = |line: &str| line.contains(" flags=tB ") || line.contains(" flags=Bt ");
        clients.lines().filter(|line| flags(line)).count()
    };
    assert_eq!(listeners().await, 1);
    let recorder = telling.stop().await;
    let patience = Patience::until("the connection is closed");
    while listeners().await > 0 {
        patience.wait().await;
    }
    assert_eq!(recorder.all().last(), Some(&Told::Lost));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn two_listeners_hear_the_same() {
    let server = Server::start().await;
    let store = patient_store(&server.url());
    let (one, two) = (Telling::start(&store).await, Telling::start(&store).await);
    server.run("SET dcv:session:a text").await;
    for telling in [&one, &two] {
        let told = Told::Changed(id("a"));
        telling.until(0, "a", |other| *other == told).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn over_a_given_connection_it_says_that_it_is_not_available() {
    let server = Server::start().await;
    let client = redis::Client::open(server.url()).unwrap();
    let manager = client.get_connection_manager().await.unwrap();
    let store = RedisStore::new(RedisConfig::over(manager));
    let recorder = Arc::<Recorder>::default();
    let listener = Arc::<Recorder>::clone(&recorder);
    store.watch_changes(listener).await;
    assert_eq!(recorder.all(), [Told::Untold]);
}
