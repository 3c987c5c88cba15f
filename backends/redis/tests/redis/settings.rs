//! What a store can be configured with, and what errors say about it.

use std::time::Duration;

use dcv_resolver_core::{SessionStore, StoreErrorKind};
use dcv_resolver_redis::{RedisConfig, RedisProtocol, RedisStore};
use dcv_resolver_test_support::pki::Ca;

use crate::support::{
    Answer, Patience, Proxy, Scripted, Sentinels, Server, fill, id, patient, patient_store,
};
use crate::tls::Authority;

const PASSWORD: &str = "tr0ub4dor-9f8e7d";

fn config(url: &str) -> RedisConfig {
    patient(url.parse().unwrap())
}

/// Why a lookup fails, in one sentence.
async fn problem(config: RedisConfig) -> (StoreErrorKind, String) {
    let error = RedisStore::new(config)
        .lookup(&id("s-0"))
        .await
        .unwrap_err();
    let sentence = error.chain().to_string();
    println!("{sentence}");
    assert!(!sentence.contains("tr0ub4dor"), "{sentence}");
    (error.kind(), sentence)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn unix_socket_serves_like_a_port() {
    let server =
        Server::start_with(&["--unixsocket", "redis.sock", "--requirepass", PASSWORD]).await;
    let socket = server.folder().join("redis.sock");
    let url = format!("redis+unix://{}?db=1&pass={PASSWORD}", socket.display());
    let store = RedisStore::new(config(&url));
    fill(&store, 2).await;
    assert!(store.lookup(&id("s-0")).await.unwrap().is_some());
    let other = format!("redis://:{PASSWORD}@127.0.0.1:{}/1", server.port);
    assert!(
        patient_store(&other)
            .lookup(&id("s-1"))
            .await
            .unwrap()
            .is_some()
    );
    let (kind, problem) = problem(config("unix:/nowhere/redis.sock")).await;
    assert_eq!(kind, StoreErrorKind::Unavailable);
    assert!(problem.contains("/nowhere/redis.sock"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn password_is_read_from_its_file_for_each_connection() {
    let server = Server::start().await;
    fill(&patient_store(&server.url()), 1).await;
    let file = server.folder().join("password");
    std::fs::write(&file, format!("{PASSWORD}-old\n")).unwrap();
    let mut admin = server.admin().await;
    redis::cmd("CONFIG")
        .arg("SET")
        .arg("requirepass")
        .arg(PASSWORD)
        .exec_async(&mut admin)
        .await
        .unwrap();
    let store = RedisStore::new(config(&server.url()).password_file(&file));
    let error = store.lookup(&id("s-0")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::AccessDenied);
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let patience = Patience::until("the new password is used");
    while store.lookup(&id("s-0")).await.is_err() {
        patience.wait().await;
    }

    let (kind, problem) = problem(config(&server.url()).password_file("/nowhere/password")).await;
    assert_eq!(kind, StoreErrorKind::InvalidConfig);
    assert!(
        problem.contains("password_file /nowhere/password"),
        "{problem}"
    );
}

#[tokio::test]
async fn byte_order_mark_of_a_file_is_not_part_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let written = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("\u{feff}{text}")).unwrap();
        path
    };
    let server = Scripted::start(None, |words| {
        Answer::Line(match [&*words[0], words.last().unwrap()] {
            ["AUTH", PASSWORD] | ["CLIENT", _] => "+OK".to_owned(),
            ["GET", _] => "$-1".to_owned(),
            _ => "-WRONGPASS invalid username-password pair".to_owned(),
        })
    })
    .await;
    let file = written("password", &format!("{PASSWORD}\r\n"));
    let password = config(&server.url())
        .protocol(RedisProtocol::Resp2)
        .password_file(file);
    let found = RedisStore::new(password).lookup(&id("s-0")).await;
    assert_eq!(found.unwrap(), None);

    let authorities = written("ca.pem", &Ca::new("authority.example").pem);
    // Nothing listens on port 1.
    let tls = config("rediss://127.0.0.1:1").ca_file(authorities);
    assert_eq!(problem(tls).await.0, StoreErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn missing_password_names_server_or_sentinel() {
    let server = Server::start_with(&["--requirepass", PASSWORD]).await;
    let lines = format!("sentinel auth-pass mymaster {PASSWORD}\nrequirepass {PASSWORD}\n");
    let sentinel = Sentinels::watch_with(&server, &lines).await;
    let url = format!("redis+sentinel://127.0.0.1:{}/mymaster", sentinel.port);
    let server_url = format!("redis://127.0.0.1:{}", server.port);
    let both = || config(&url).password(PASSWORD).sentinel_password(PASSWORD);
    for (config, words) in [
        (
            config(&server_url),
            ["the server 127.0.0.1", "set password_file"],
        ),
        (
            config(&server_url).password("tr0ub4dor"),
            ["the server 127.0.0.1", "rejects the user or the password"],
        ),
        (
            config(&url).password(PASSWORD),
            ["the sentinel 127.0.0.1", "set sentinel_password_file"],
        ),
        (
            config(&url)
                .password(PASSWORD)
                .sentinel_password("tr0ub4dor"),
            ["the sentinel 127.0.0.1", "check sentinel_username and"],
        ),
        (
            config(&url).sentinel_password(PASSWORD),
            ["the master of mymaster", "set password_file"],
        ),
        (
            both().username("ann"),
            ["the master of mymaster", "check username and"],
        ),
    ] {
        let (kind, problem) = problem(config).await;
        assert_eq!(kind, StoreErrorKind::AccessDenied);
        for words in words {
            assert!(problem.contains(words), "{problem}");
        }
    }
    fill(&RedisStore::new(both()), 1).await;
    let url = format!(
        "{}?sentinel_password={PASSWORD}",
        url.replace("://", &format!("://:{PASSWORD}@"))
    );
    assert!(
        patient_store(&url)
            .lookup(&id("s-0"))
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn limit_that_was_reached_is_named() {
    let silent = Scripted::start(None, |_| Answer::Silence).await;
    let slow = |connect, response| {
        silent
            .url()
            .parse::<RedisConfig>()
            .unwrap()
            .connect_timeout(Duration::from_millis(connect))
            .response_timeout(Duration::from_millis(response))
    };
    let (kind, sentence) = problem(slow(30, 60_000)).await;
    assert_eq!(kind, StoreErrorKind::TimedOut);
    assert!(sentence.contains("connect_timeout_ms = 30"), "{sentence}");
    let (kind, sentence) = problem(slow(60_000, 30)).await;
    assert_eq!(kind, StoreErrorKind::TimedOut);
    assert!(sentence.contains("response_timeout_ms = 30"), "{sentence}");
    let mute = Scripted::start(None, |words| match &*words[0] {
        "GET" => Answer::Silence,
        _ => Answer::Line("+OK".to_owned()),
    })
    .await;
    let url = format!(
        "{}?response_timeout_ms=70&connect_timeout_ms=60000",
        mute.url()
    );
    let (kind, sentence) = problem(url.parse().unwrap()).await;
    assert_eq!(kind, StoreErrorKind::TimedOut);
    assert!(
        sentence.contains("no reply within response_timeout_ms = 70"),
        "{sentence}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn far_server_is_reached_with_longer_timeouts() {
    let server = Server::start().await;
    fill(&patient_store(&server.url()), 1).await;
    let proxy = Proxy::start(server.port).await;
    proxy.delay(Duration::from_millis(300));
    let url = format!("redis://127.0.0.1:{}", proxy.port);
    let (kind, sentence) = problem(
        format!("{url}?connect_timeout_ms=200")
            .parse::<RedisConfig>()
            .unwrap(),
    )
    .await;
    assert_eq!(kind, StoreErrorKind::TimedOut, "{sentence}");
    assert!(sentence.contains("connect_timeout_ms = 200"), "{sentence}");
    let url = format!("{url}?connect_timeout_ms=30000&response_timeout_ms=30000");
    let store = RedisStore::new(url.parse().unwrap());
    assert!(store.lookup(&id("s-0")).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn certificates_are_read_from_their_files_for_each_connection() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1").await;
    let folder = server.folder();
    let stranger = Ca::new("stranger.example");
    let path = |name: &str| folder.join(name);
    let write = |ca: &str, certificate: &str, key: &str| {
        for (file, text) in [
            ("trusted.pem", ca),
            ("own.pem", certificate),
            ("own.key", key),
        ] {
            std::fs::write(path(file), text).unwrap();
        }
    };
    let pair = stranger.issue(&["resolver.example"], |_| {});
    write(&stranger.pem, &pair.certificate, &pair.key);
    let url = format!(
        "rediss://127.0.0.1:{}?ca_file={}&certificate_file={}&key_file={}",
        server.port,
        path("trusted.pem").display(),
        path("own.pem").display(),
        path("own.key").display(),
    );
    let store = RedisStore::new(config(&url));
    let error = store.lookup(&id("s-0")).await.unwrap_err();
    let sentence = error.chain().to_string();
    assert!(
        sentence.contains("UnknownIssuer") && sentence.contains("ca_file"),
        "{sentence}"
    );

    let (certificate, key) = authority.issue("resolver.example");
    write(authority.pem(), &certificate, &key);
    let patience = Patience::until("the new certificates are used");
    while store.lookup(&id("s-0")).await.is_err() {
        patience.wait().await;
    }

    let without = url.split("&certificate").next().unwrap();
    let (_, sentence) = problem(config(without)).await;
    assert!(sentence.contains("certificate_file"), "{sentence}");
    std::fs::remove_file(path("own.key")).unwrap();
    let (kind, sentence) = problem(config(&url)).await;
    assert_eq!(kind, StoreErrorKind::InvalidConfig);
    assert!(sentence.contains("cannot read key_file"), "{sentence}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn mixed_up_scheme_is_hinted_at() {
    let plain = Server::start().await;
    let authority = Authority::new();
    let secure = authority.server("127.0.0.1").await;
    let quick = |url: String| {
        url.parse::<RedisConfig>()
            .unwrap()
            .connect_timeout(Duration::from_secs(2))
            .response_timeout(Duration::from_secs(20))
    };
    for (config, hint) in [
        (
            quick(format!("rediss://127.0.0.1:{}", plain.port)),
            "use redis:// instead",
        ),
        (
            quick(format!("redis://127.0.0.1:{}", secure.port)),
            "use rediss:// instead",
        ),
    ] {
        let (_, sentence) = problem(config).await;
        assert!(sentence.contains(hint), "{sentence}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn unreachable_master_names_the_sentinel_and_its_settings() {
    let mut server = Server::start().await;
    let sentinel = Sentinels::watch(&server).await;
    server.kill();
    let url = format!("redis+sentinel://127.0.0.1:{}/mymaster", sentinel.port);
    let (kind, sentence) = problem(config(&url)).await;
    assert_eq!(kind, StoreErrorKind::Unavailable);
    for words in [
        format!("the server 127.0.0.1:{} (the master", server.port),
        format!("the sentinel 127.0.0.1:{})", sentinel.port),
        "replica-announce-ip".to_owned(),
    ] {
        assert!(sentence.contains(&words), "{sentence}");
    }
}
