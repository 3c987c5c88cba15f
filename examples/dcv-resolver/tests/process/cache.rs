//! The cache in front of a store: it saves lookups, serves changes by others, and
//! serves stale answers in an outage if configured.

use std::time::{Duration, Instant};

use dcv_resolver_test_support::port::free_port;
use serde_json::json;

use crate::client::{Client, ask, ask_with};
use crate::redis::Redis;
use crate::support::{Folder, Serving, dcv_resolver, decisions, run, wait_until};

pub(crate) const TARGET: &str = "/resolveSession?sessionId=ann";

/// A database with `ann` on `ws-17.dcv.example`, whom another process registers.
pub(crate) struct Database(pub(crate) Folder);

impl Database {
    /// With these settings of its store.
    pub(crate) fn new(settings: &str) -> Self {
        let database = Self(administered("sqlite:sessions.db", settings));
        database.register("ws-17.dcv.example");
        database
    }

    fn store(&self) -> String {
        format!("sqlite:{}", self.0.path("sessions.db").display())
    }

    fn register(&self, host: &str) {
        let arguments = ["register", "ann", "--host", host, "--token", LEASE];
        let arguments = [&arguments[..], &["--http-port", "8443", "--never-expires"]];
        let registered = run(&[&arguments.concat()[..], &["--store", &self.store()]].concat());
        assert_eq!(registered.exit_code, Some(0), "{}", registered.stderr);
    }
}

#[test]
fn change_by_another_process_is_served() {
    let database = Database::new("");
    let serving = database.0.serve();
    let is_served = |host: &str| serving.post(TARGET).contains(host);
    // From the cache as well as into it.
    assert!(is_served("ws-17.dcv.example") && is_served("ws-17.dcv.example"));

    database.register("ws-18.dcv.example");
    wait_until("the move is served", || is_served("ws-18.dcv.example"));
    let arguments = ["deregister", "ann", "--token", LEASE, "--store"];
    let deregistered = run(&[&arguments[..], &[&database.store()]].concat());
    assert_eq!(deregistered.exit_code, Some(0));
    wait_until("the end is served", || is_served("\"reason\":\"unknown\""));
    database.register("ws-19.dcv.example");
    wait_until("the return is served", || is_served("ws-19.dcv.example"));
}

/// As when a machine is suspended.
#[test]
fn change_during_a_suspension_is_served_after_it() {
    /// Longer than an answer may be out of date.
    const PAUSE: Duration = Duration::from_millis(1_100);
    let database = Database::new("");
    let serving = database.0.serve();
    let mut asked_before = Client::connect(serving.address).unwrap();
    let line = format!("POST {TARGET}");
    // In the moment after, either may come first: an answer or the news.
    for round in 1..=3 {
        wait_until_hit(&serving);
        assert_eq!(asked_before.ask(&line).unwrap().status, 200);
        serving.stand_still();
        let host = format!("ws-{round}.dcv.example");
        database.register(&host);
        let changed = Instant::now();
        asked_before.send(&line, "", "").unwrap();
        wait_until("it is long ago", || changed.elapsed() > PAUSE);
        serving.signal("CONT");
        for answer in [asked_before.read().unwrap(), ask(serving.address, &line)] {
            assert_eq!(answer.json()["DcvServerEndpoint"], host.as_str());
        }
    }
}

/// Waits until `ann` is served from memory.
pub(crate) fn wait_until_hit(serving: &Serving) {
    let hits = "dcv_resolver_cache_lookups_total{store=\"agents\",result=\"hit\"}";
    let confirmed = "dcv_resolver_cache_confirmed_age_seconds{store=\"agents\"}";
    wait_until("changes are followed", || {
        serving.metric(confirmed).is_some()
    });
    wait_until("it is kept", || {
        let before = serving.metric(hits);
        serving.post(TARGET);
        serving.metric(hits) > before
    });
}

const WRITER: &str = "0123456789-writer-tr0ub4dor-0123456789";
/// The word that marks secrets, in hexadecimal.
const LEASE: &str = "747230756234646f7200000000000000";

/// One store, `agents`, which is administered.
fn administered(url: &str, settings: &str) -> Folder {
    let folder = Folder::new(&config(url, settings));
    folder.write("tokens", &format!("writer read-write {WRITER}\n"));
    folder
}

fn config(url: &str, settings: &str) -> String {
    format!(
        "[[stores]]\nname = \"agents\"\nurl = \"{url}\"\n{settings}[admin]\ntokens_file = \"tokens\"\n"
    )
}

/// Registers or removes `ann` through the process itself.
fn change(serving: &Serving, method: &str, port: u16) -> u16 {
    let headers = format!(
        "authorization: Bearer {WRITER}\r\ncontent-type: application/json\r\nlease-token: {LEASE}\r\n"
    );
    let session = json!({
        "host": "ws-17.dcv.example", "http_port": port, "expires_at_ms": null
    });
    let line = format!("{method} /v1/sessions/ann");
    ask_with(serving.ops(), &line, &headers, &session.to_string()).status
}

/// What is registered through the process itself is served at once, whatever was
/// cached before.
fn serves_its_own_changes_at_once(serving: &Serving) {
    let served = || ask(serving.address, &format!("POST {TARGET}"));
    for round in 1..50 {
        assert_eq!(served().reason(), "unknown", "{round}");
        assert_eq!(change(serving, "PUT", round), 200);
        assert_eq!(served().json()["Port"], round);
        assert_eq!(change(serving, "PUT", 1000 + round), 200);
        assert_eq!(served().json()["Port"], 1000 + round);
        assert_eq!(change(serving, "DELETE", 0), 204);
    }
}

#[test]
fn change_by_the_process_itself_is_served_at_once() {
    for settings in ["", "time_budget_ms = 10000\n", "cache = false\n"] {
        let folder = administered("sqlite:sessions.db", settings);
        empty_database(&folder);
        serves_its_own_changes_at_once(&folder.serve());
    }
}

/// `sessions.db`, without a session.
fn empty_database(folder: &Folder) {
    folder.write("none.toml", "[sessions]\n");
    let store = format!("sqlite:{}", folder.path("sessions.db").display());
    let none = folder.path("none.toml");
    let made = run(&["import", none.to_str().unwrap(), "--store", &store]);
    assert_eq!(made.exit_code, Some(0), "{}", made.stderr);
}

#[test]
fn cache_metrics_are_shown_while_there_is_a_cache() {
    let folder = administered("sqlite:sessions.db", "");
    empty_database(&folder);
    let serving = folder.serve();
    let lookups = |result: &str| {
        let labels = format!("store=\"agents\",result=\"{result}\"");
        serving.metric(&format!("dcv_resolver_cache_lookups_total{{{labels}}}"))
    };
    let of = |name: &str| serving.metric(&format!("dcv_resolver_cache_{name}{{store=\"agents\"}}"));
    wait_until_hit(&serving);
    assert!(lookups("load").unwrap() >= 1.0);
    assert_eq!(of("entries"), Some(1.0));
    assert!(of("size_bytes").unwrap() >= 1.0);

    let reload = |settings: &str| {
        folder.write("resolver.toml", &config("sqlite:sessions.db", settings));
        serving.change("config", "ok", || serving.signal("HUP"));
    };
    // Another one, which is empty.
    reload("cache.max_bytes = 1048576\n");
    assert_eq!(of("entries"), Some(0.0));
    reload("cache = false\n");
    for name in [
        "entries",
        "size_bytes",
        "confirmed_age_seconds",
        "stale_total",
    ] {
        assert_eq!(of(name), None, "{name}");
    }
    assert_eq!(lookups("hit"), None);
    serving.stop();
}

#[test]
fn check_describes_the_cache() {
    for (cache, description) in [
        ("", "answers; cache of up to 256 MiB"),
        ("cache = true", "answers; cache of up to 256 MiB"),
        (
            "cache.max_bytes = 10485760",
            "answers; cache of up to 10 MiB",
        ),
        ("cache = false", "answers; no cache"),
    ] {
        let folder = Folder::new(&format!(
            "[[stores]]\nname = \"agents\"\nurl = \"sqlite:sessions.db\"\n{cache}\n"
        ));
        empty_database(&folder);
        let checked = folder.run("check");
        assert_eq!(checked.exit_code, Some(0), "{}", checked.stderr);
        assert!(
            checked.stdout.contains(&format!("{description}\n")),
            "{cache}: {}",
            checked.stdout
        );
    }
}

fn register(redis: &Redis, host: &str) {
    let arguments = ["register", "ann", "--host", host, "--token", LEASE];
    let arguments = [&arguments[..], &["--http-port", "8443", "--never-expires"]];
    let registered = redis.run(&arguments.concat());
    assert_eq!(registered.exit_code, Some(0), "{}", registered.stderr);
}

/// Waits until Redis is not asked again, as its changes are followed.
fn wait_until_kept(serving: &Serving, redis: &Redis) {
    wait_until("it is served", || {
        serving.post(TARGET).starts_with("HTTP/1.1 200 ")
    });
    wait_until("it is kept", || {
        let before = redis.lookups();
        assert!(serving.post(TARGET).starts_with("HTTP/1.1 200 "));
        redis.lookups() == before
    });
}

#[test]
#[ignore = "needs redis-server"]
fn redis_is_asked_once_unless_the_cache_is_off() {
    let redis = Redis::start(free_port());
    let url = Redis::url(redis.port);
    let mut command = dcv_resolver(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("DCV_RESOLVER_STORE", &url);
    let serving = Serving::spawn(command);
    serving.wait_until_ready();
    register(&redis, "ws-17.dcv.example");
    wait_until_kept(&serving, &redis);
    serving.stop();

    let folder = Folder::new(&format!(
        "[[stores]]\nname = \"agents\"\nurl = \"{url}\"\ncache = false\n"
    ));
    let serving = folder.serve();
    for _ in 0..20 {
        let before = redis.lookups();
        assert!(serving.post(TARGET).starts_with("HTTP/1.1 200 "));
        // A ping, once a second, is one as well.
        assert!(redis.lookups() > before);
    }
    serving.stop();
}

/// A Redis that does not report changes.
fn redis_of_old() -> Redis {
    Redis::start_with(free_port(), &["--rename-command", "HELLO", ""])
}

#[test]
#[ignore = "needs redis-server"]
fn answers_expire_by_ttl_if_redis_reports_no_changes() {
    let redis = redis_of_old();
    let url = Redis::url(redis.port);
    let long = "cache = { ttl_ms = 60000, negative_ttl_ms = 60000 }\n";
    // Kept: without its file, no token is accepted.
    let folder = administered(&url, long);
    let serving = folder.serve();
    serving.wait_until_ready();
    let mut moves = 0;
    wait_until("a move goes unnoticed", || {
        moves += 1;
        let host = format!("ws-{moves}.dcv.example");
        register(&redis, &host);
        let answer = serving.post(TARGET);
        answer.starts_with("HTTP/1.1 200 ") && !answer.contains(&host)
    });
    // Unless it is the process itself that changes it.
    assert_eq!(change(&serving, "DELETE", 0), 204);
    serves_its_own_changes_at_once(&serving);
    serving.stop();

    // As it is by default, and where nothing is to be kept.
    for settings in ["", "cache = { ttl_ms = 0, negative_ttl_ms = 0 }\n"] {
        register(&redis, "ws-17.dcv.example");
        let folder = administered(&url, settings);
        let serving = folder.serve();
        wait_until("it is served", || {
            serving.post(TARGET).contains("ws-17.dcv.example")
        });
        register(&redis, "ws-18.dcv.example");
        wait_until("the move is served", || {
            serving.post(TARGET).contains("ws-18.dcv.example")
        });
        if !settings.is_empty() {
            // Several times: a ping, once a second, is a lookup as well.
            for _ in 0..3 {
                let before = redis.lookups();
                serving.post(TARGET);
                assert!(redis.lookups() > before);
            }
        }
        serving.stop();
    }
}

#[test]
#[ignore = "needs redis-server"]
fn stale_answers_are_served_in_an_outage_for_cached_sessions_only() {
    let redis = Redis::start(free_port());
    let folder = Folder::new(&format!(
        "[[stores]]\nname = \"agents\"\nurl = \"{}\"\ntime_budget_ms = 300\ncache.stale_if_error_ms = 600000\n",
        Redis::url(redis.port)
    ));
    let serving = folder.serve();
    serving.wait_until_ready();
    register(&redis, "ws-17.dcv.example");
    wait_until_kept(&serving, &redis);

    drop(redis);
    wait_until("the outage is noticed", || {
        let unknown = serving.post("/resolveSession?sessionId=bob");
        assert!(!unknown.starts_with("HTTP/1.1 200 "), "{unknown}");
        unknown.starts_with("HTTP/1.1 503 ")
    });
    // As what was confirmed last, to begin with.
    let stale = "dcv_resolver_stale_answer_age_seconds_count{store=\"agents\"}";
    wait_until("what is kept is out of date", || {
        let answer = serving.post(TARGET);
        assert!(answer.contains("ws-17.dcv.example"), "{answer}");
        serving.metric(stale).is_some()
    });
    assert_eq!(serving.metric(stale), Some(1.0));

    let decisions = decisions(&serving.stop().stderr);
    let mut found = decisions.iter().filter(|event| event["status"] == 200);
    let last = found.next_back().unwrap();
    assert!(last["stale_ms"].is_u64(), "{last}");
    assert!(found.all(|event| event["stale_ms"].is_null()));
}

#[test]
fn cache_of_a_store_in_memory_is_refused() {
    for (url, cache) in [
        ("memory:", "{}"),
        ("file:sessions.toml", "true"),
        ("memory:", "false"),
    ] {
        let folder = Folder::new(&format!(
            "[[stores]]\nname = \"desktops\"\nurl = \"{url}\"\ncache = {cache}\n"
        ));
        let checked = folder.run("check");
        assert_eq!(checked.exit_code, Some(1));
        assert!(
            checked
                .stderr
                .contains("resolver.toml:4:9: store \"desktops\" is in memory already"),
            "{}",
            checked.stderr
        );
    }
}
