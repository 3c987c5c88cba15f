//! A store behind a cache: what others change is served, and an outage is
//! bridged where that is wanted.

use crate::redis::{Redis, free_port};
use crate::support::{Folder, run, wait_until};

const TARGET: &str = "/resolveSession?sessionId=ann";

#[test]
fn what_another_process_changes_is_served() {
    let folder = Folder::new(
        "[[stores]]\nname = \"agents\"\nurl = \"sqlite:sessions.db\"\ncache.max_bytes = 1048576\n",
    );
    let store = format!("sqlite:{}", folder.path("sessions.db").display());
    let register = |host: &str, token: &str| {
        let common = ["--http-port", "8443", "--never-expires", "--store", &store];
        let arguments = [
            &["register", "ann", "--host", host, "--token", token],
            &common[..],
        ];
        assert_eq!(run(&arguments.concat()).exit_code, Some(0));
    };
    // The word that marks secrets, in hexadecimal.
    let token = "747230756234646f7200000000000000";

    register("ws-17.dcv.example", token);
    let serving = folder.serve();
    let is_served = |host: &str| serving.post(TARGET).contains(host);
    // From the cache as well as into it.
    assert!(is_served("ws-17.dcv.example") && is_served("ws-17.dcv.example"));

    register("ws-18.dcv.example", token);
    wait_until("the move is served", || is_served("ws-18.dcv.example"));
    let arguments = ["deregister", "ann", "--token", token, "--store", &store];
    assert_eq!(run(&arguments).exit_code, Some(0));
    wait_until("the end is served", || is_served("\"reason\":\"unknown\""));
    register("ws-19.dcv.example", token);
    wait_until("the return is served", || is_served("ws-19.dcv.example"));
}

#[test]
#[ignore = "needs redis-server"]
fn an_outage_is_bridged_for_what_is_kept_and_for_nothing_else() {
    let redis = Redis::start(free_port());
    let folder = Folder::new(&format!(
        "[[stores]]\nname = \"agents\"\nurl = \"{}\"\ntime_budget_ms = 300\ncache.stale_for_ms = 600000\n",
        Redis::url(redis.port)
    ));
    let serving = folder.serve();
    serving.wait_until_ready();
    let arguments = [
        "register",
        "ann",
        "--host",
        "ws-17.dcv.example",
        "--http-port",
        "8443",
    ];
    let registered = redis.run(&[&arguments[..], &["--never-expires"]].concat());
    assert_eq!(registered.exit_code, Some(0), "{}", registered.stderr);
    wait_until("it is served", || {
        serving.post(TARGET).starts_with("HTTP/1.1 200 ")
    });

    // Once its changes are followed: then Redis is not asked again.
    wait_until("it is kept", || {
        let before = redis.lookups();
        assert!(serving.post(TARGET).starts_with("HTTP/1.1 200 "));
        redis.lookups() == before
    });

    drop(redis);
    wait_until("the outage is noticed", || {
        let unknown = serving.post("/resolveSession?sessionId=bob");
        assert!(!unknown.starts_with("HTTP/1.1 200 "), "{unknown}");
        unknown.starts_with("HTTP/1.1 503 ")
    });
    let answer = serving.post(TARGET);
    assert!(answer.contains("ws-17.dcv.example"), "{answer}");
}

#[test]
fn what_is_in_memory_needs_no_cache() {
    for url in ["memory:", "file:sessions.toml"] {
        let folder = Folder::new(&format!(
            "[[stores]]\nname = \"desktops\"\nurl = \"{url}\"\ncache = {{}}\n"
        ));
        let checked = folder.run("check");
        assert_eq!(checked.exit_code, Some(1));
        assert!(
            checked
                .stderr
                .contains("resolver.toml:4:9: store \"desktops\" is in memory as it is"),
            "{}",
            checked.stderr
        );
    }
}
