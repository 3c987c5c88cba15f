//! Operators who remove sessions of others, and tokens that are limited.

use dcv_resolver_test_support::port::free_port;
use serde_json::json;

use crate::client::{ask, ask_with};
use crate::redis::Redis;
use crate::support::{Folder, Serving, wait_until};

const WRITER: &str = "0123456789-writer-tr0ub4dor-0123456789";
const OPERATOR: &str = "0123456789-operat-tr0ub4dor-0123456789";
const LIMITED: &str = "0123456789-limits-tr0ub4dor-0123456789";
const PATH: &str = "/v1/sessions/console";

/// One store, which is administered.
fn administered(url: &str) -> Folder {
    let folder = Folder::new(&format!(
        "[[stores]]\nname = \"agents\"\nurl = \"{url}\"\n[admin]\ntokens_file = \"tokens\"\n"
    ));
    folder.write(
        "tokens",
        &format!(
            "writer read-write {WRITER}\n\
             ann operator {OPERATOR}\n\
             ws-17 read-write {LIMITED} ids=ws-17-* hosts=ws-17.dcv.example\n"
        ),
    );
    folder
}

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

fn register(serving: &Serving, token: &str, id: &str, host: &str) -> u16 {
    let headers = bearer(token) + "content-type: application/json\r\n";
    let session = json!({"host": host, "http_port": 8443, "ttl_ms": 3_600_000});
    let line = format!("PUT /v1/sessions/{id}");
    ask_with(serving.ops(), &line, &headers, &session.to_string()).status
}

fn resolved(serving: &Serving) -> u16 {
    ask(serving.address, "POST /resolveSession?sessionId=console").status
}

/// The lease token of `console` is lost.
fn operator_removes_a_session(url: &str) {
    let folder = administered(url);
    let serving = folder.serve();
    wait_until("the store is reached", || {
        register(&serving, WRITER, "console", "ws-1.dcv.example") == 200
    });
    assert_eq!(resolved(&serving), 200);
    let remove = |token| ask_with(serving.ops(), &format!("DELETE {PATH}"), &bearer(token), "");
    assert_eq!(remove(WRITER).status, 400);
    assert_eq!(resolved(&serving), 200);
    let removed = remove(OPERATOR);
    assert_eq!(removed.status, 204, "{removed:?}");
    // Not expired, but gone.
    let shown = ask_with(serving.ops(), &format!("GET {PATH}"), &bearer(WRITER), "");
    assert_eq!(shown.status, 404, "{shown:?}");
    assert_eq!(resolved(&serving), 404);
    assert_eq!(remove(OPERATOR).status, 404);
    // The id is free again.
    assert_eq!(
        register(&serving, WRITER, "console", "ws-2.dcv.example"),
        200
    );
    assert_eq!(resolved(&serving), 200);
    serving.stop();
}

#[test]
fn operator_removes_a_session_from_memory() {
    operator_removes_a_session("memory:");
}

#[test]
fn operator_removes_a_session_from_sqlite() {
    let database = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", database.path().join("a.db").display());
    let created = crate::support::dcv_resolver(&["import", "--store", &url])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../sessions.toml"))
        .output();
    assert!(created.unwrap().status.success());
    let folder = administered(&url);
    let serving = folder.serve();
    let remove = ask_with(
        serving.ops(),
        &format!("DELETE {PATH}"),
        &bearer(OPERATOR),
        "",
    );
    assert_eq!(remove.status, 204, "{remove:?}");
    serving.stop();
    operator_removes_a_session(&url);
}

#[test]
#[ignore = "needs redis-server"]
fn operator_removes_a_session_from_redis() {
    let redis = Redis::start(free_port());
    operator_removes_a_session(&Redis::url(redis.port));
}

#[test]
fn limited_token_registers_only_its_own_sessions() {
    let folder = administered("memory:");
    let serving = folder.serve();
    for (id, host, status) in [
        ("ws-17-console", "ws-17.dcv.example", 200),
        ("ws-17-console", "ws-18.dcv.example", 403),
        ("ws-18-console", "ws-17.dcv.example", 403),
    ] {
        assert_eq!(register(&serving, LIMITED, id, host), status, "{id} {host}");
    }
    // What would show sessions of others.
    for path in ["/v1/sessions", "/explain?sessionId=ws-17-console"] {
        let line = format!("GET {path}");
        let refused = ask_with(serving.ops(), &line, &bearer(LIMITED), "");
        assert_eq!(
            (refused.status, refused.reason().as_str()),
            (403, "forbidden"),
            "{path}"
        );
        let seen = ask_with(serving.ops(), &line, &bearer(WRITER), "");
        assert_eq!(seen.status, 200, "{path}");
    }
    serving.stop();
}
