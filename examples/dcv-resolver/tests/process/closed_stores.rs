//! Stores that cannot be opened at the start.

use std::fs;

use serde_json::json;

use crate::client::{ask, ask_with};
use crate::support::{Folder, Serving, run, wait_until};

const SESSIONS: &str = concat!("file:", env!("CARGO_MANIFEST_DIR"), "/../sessions.toml");
const SESSIONS_JSON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sessions.json");
const LATE: &str = "[sessions.late]\nhost = \"ws-1.dcv.example\"\nhttp_port = 8443\n";
const TOKEN: &str = "0123456789-writer-tr0ub4dor-0123456789";

/// A store that is there, and one that is not.
fn two_stores(late: &str) -> Folder {
    Folder::new(&format!(
        "[[stores]]\nname = \"desktops\"\nurl = \"{SESSIONS}\"\n[[stores]]\nname = \"late\"\nurl = \"{late}\"\n"
    ))
}

fn answer(serving: &Serving, id: &str) -> (u16, String) {
    let answer = ask(
        serving.address,
        &format!("POST /resolveSession?sessionId={id}"),
    );
    let reason = &answer.json()["reason"];
    (
        answer.status,
        reason.as_str().unwrap_or_default().to_owned(),
    )
}

fn unavailable() -> (u16, String) {
    (503, "store_unavailable".to_owned())
}

/// Serves `folder`, whose second store cannot be opened until `open` is called.
fn serves_the_others_meanwhile(folder: &Folder, reason: &str, open: impl FnOnce()) {
    let serving = folder.serve();
    assert_eq!(answer(&serving, "console").0, 200);
    assert_eq!(answer(&serving, "late"), unavailable(), "{reason}");
    let ready = ask(serving.ops(), "GET /readyz");
    assert_eq!(ready.status, 503);
    let late = &ready.json()["stores"][1];
    assert_eq!(late["store"], "late", "{ready:?}");

    open();
    serving.wait_until_ready();
    assert_eq!(answer(&serving, "late").0, 200, "{reason}");
    assert_eq!(answer(&serving, "unknown").1, "unknown");
    let log = serving.stop().stderr;
    assert!(log.contains(reason), "{reason} in {log}");
}

#[test]
fn session_file_that_is_missing_or_invalid_is_an_outage_until_it_is_valid() {
    for (content, reason) in [
        (None, "there is no such file"),
        (Some("[sessions.late]\nhots = 1\n"), "unknown field"),
    ] {
        let folder = two_stores("file:late.toml");
        if let Some(content) = content {
            folder.write("late.toml", content);
        }
        serves_the_others_meanwhile(&folder, reason, || folder.write("late.toml", LATE));
    }
}

#[test]
fn database_that_is_missing_or_damaged_is_an_outage_until_it_can_be_opened() {
    for (content, reason) in [
        (None, "there is no database file"),
        (
            Some("this is not a database, but long enough to be one".repeat(99)),
            "damaged",
        ),
    ] {
        let folder = two_stores("sqlite:late.db");
        let path = folder.path("late.db");
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        serves_the_others_meanwhile(&folder, reason, || {
            let _missing = fs::remove_file(&path);
            folder.write("late.toml", LATE);
            let file = folder.path("late.toml").display().to_string();
            let url = format!("sqlite:{}", path.display());
            let imported = run(&["import", &file, "--store", &url]);
            assert_eq!(imported.exit_code, Some(0), "{}", imported.stderr);
        });
    }
}

#[test]
fn session_file_that_was_opened_late_is_reloaded() {
    let folder = Folder::new("[[stores]]\nname = \"only\"\nurl = \"file:late.toml\"\n");
    let serving = folder.serve();
    assert_eq!(answer(&serving, "late"), unavailable());
    folder.write("late.toml", LATE);
    serving.wait_until_ready();
    serving.change("sessions", "ok", || {
        folder.write("late.toml", &LATE.replace("late", "other"));
    });
    assert_eq!(answer(&serving, "other").0, 200);
    let shown = serving.metric("dcv_resolver_served_data_age_seconds{store=\"only\"}");
    assert!(shown.is_some());
    serving.stop();
}

#[test]
fn admin_of_a_database_that_is_missing_is_an_outage_until_it_is_created() {
    let folder = Folder::new(
        "admin.tokens_file = \"tokens\"\n[[stores]]\nname = \"late\"\nurl = \"sqlite:late.db\"\n",
    );
    folder.write("tokens", &format!("writer read-write {TOKEN}\n"));
    let serving = folder.serve();
    let headers = format!("authorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n");
    let register = || {
        let session = json!({"host": "ws-1.dcv.example", "http_port": 8443, "ttl_ms": 60_000});
        let line = "PUT /v1/sessions/console";
        ask_with(serving.ops(), line, &headers, &session.to_string()).status
    };
    assert_eq!(register(), 503);
    let url = format!("sqlite:{}", folder.path("late.db").display());
    assert_eq!(
        run(&["import", SESSIONS_JSON, "--store", &url]).exit_code,
        Some(0)
    );
    serving.wait_until_ready();
    let session = ask(serving.address, "POST /resolveSession?sessionId=console");
    assert_eq!(session.status, 200, "{session:?}");
    serving.stop();
}

#[test]
fn reload_keeps_a_closed_store_and_rejects_a_new_one() {
    let folder = two_stores("file:late.toml");
    let serving = folder.serve();
    let config = fs::read_to_string(folder.path("resolver.toml")).unwrap();
    let reload = |result: &str, config: &str| {
        serving.change("config", result, || {
            folder.write("resolver.toml", config);
            serving.signal("HUP");
        });
    };
    reload("ok", &format!("time_budget_ms = 300\n{config}"));
    assert_eq!(answer(&serving, "late"), unavailable());
    reload("failed", &config.replace("late.toml", "mistyped.toml"));
    // A signal opens it at once.
    folder.write("late.toml", LATE);
    reload("ok", &config);
    assert_eq!(answer(&serving, "late").0, 200);
    reload("ok", &config[..config.rfind("[[").unwrap()]);
    assert_eq!(answer(&serving, "late").0, 404);
    wait_until("only the first store is left", || {
        ask(serving.ops(), "GET /readyz").json()["stores"]
            .as_array()
            .unwrap()
            .len()
            == 1
    });
    serving.stop();
}
