//! The page of the operators.

use crate::client::{ask, ask_with};
use crate::support::Folder;

const FILE: &str = "[[stores]]\nname = \"by_hand\"\nurl = \"file:sessions.toml\"\n";
const TOKEN: &str = "0123456789-reader-tr0ub4dor-0123456789";

fn folder(config: &str) -> Folder {
    let folder = Folder::new(config);
    folder.write(
        "sessions.toml",
        "[sessions.console]\nhost = \"ws-17.dcv.example\"\nhttp_port = 8443\n",
    );
    folder
}

#[test]
fn page_shows_decisions_that_outlive_a_reload_and_the_sessions() {
    let folder = folder(FILE);
    let serving = folder.serve();
    let page = ask(serving.ops(), "GET /");
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    ask(serving.address, "POST /resolveSession?sessionId=console");
    serving.change("config", "ok", || serving.signal("HUP"));
    ask(serving.address, "POST /resolveSession?sessionId=Console");

    let decisions = ask(serving.ops(), "GET /decisions").json();
    assert_eq!(decisions["decisions"][0]["reason"], "unknown");
    assert_eq!(decisions["decisions"][1]["store"], "by_hand");
    let sessions = ask(serving.ops(), "GET /sessions?search=WS-17").json();
    assert_eq!(sessions["store"], "by_hand");
    assert_eq!(sessions["sessions"][0]["id"], "console");
}

#[test]
fn data_of_the_page_needs_a_token_if_there_are_tokens() {
    let config =
        "[[stores]]\nname = \"agents\"\nurl = \"memory:\"\n[admin]\ntokens_file = \"tokens\"\n";
    let folder = folder(config);
    folder.write("tokens", &format!("reader read-only {TOKEN}\n"));
    let serving = folder.serve();
    assert_eq!(ask(serving.ops(), "GET /").status, 200);
    for line in ["GET /decisions", "GET /sessions"] {
        assert_eq!(ask(serving.ops(), line).status, 401, "{line}");
        let header = format!("authorization: Bearer {TOKEN}\r\n");
        assert_eq!(
            ask_with(serving.ops(), line, &header, "").status,
            200,
            "{line}"
        );
    }
}
