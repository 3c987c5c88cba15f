//! Sessions that follow from their ids.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

use std::fs;

use dcv_resolver_core::{
    Expiry, SessionListing, SessionRecord, SessionStore, StoreErrorKind, Transport,
};
use dcv_resolver_static_file::{Format, Reload, SessionFile, StaticFileStore};
use tempfile::TempDir;

const TEXT: &str = r#"
[[patterns]]
match = "i-[0-9a-f]+"
host = "{0}.compute.example"
target_id = "console"
http_port = 8443
quic_port = 8444

[[patterns]]
match = '(?<host>ws-\d+)/(?<session>\w+)(?::(?<port>\d+))?'
host = "{host}.dcv.example"
target_id = "{session}"
http_port = "{port}"
web_url_path = "/{session}"

[sessions.i-0abc]
host = "192.0.2.24"
http_port = 8443
"#;

fn store(text: &str) -> (TempDir, StaticFileStore) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.toml");
    fs::write(&path, text).unwrap();
    let store = StaticFileStore::load(path).unwrap();
    (folder, store)
}

async fn lookup(store: &StaticFileStore, id: &str) -> Option<SessionRecord> {
    store.lookup(&id.parse().unwrap()).await.unwrap()
}

#[tokio::test]
async fn pattern_makes_a_session_of_an_id_that_matches() {
    let (_folder, store) = store(TEXT);
    let record = lookup(&store, "i-0def").await.unwrap();
    assert_eq!(record.id().as_str(), "i-0def");
    assert_eq!(record.host().as_str(), "i-0def.compute.example");
    assert_eq!(record.target_id().as_str(), "console");
    assert_eq!(record.port(Transport::Http), Some(8443));
    assert_eq!(record.port(Transport::Quic), Some(8444));
    assert_eq!(record.web_url_path().as_str(), "/");
    assert_eq!(record.expiry(), Expiry::Never);

    let record = lookup(&store, "ws-17/ann:9443").await.unwrap();
    assert_eq!(record.host().as_str(), "ws-17.dcv.example");
    assert_eq!(record.target_id().as_str(), "ann");
    assert_eq!(record.port(Transport::Http), Some(9443));
    assert_eq!(record.port(Transport::Quic), None);
    assert_eq!(record.web_url_path().as_str(), "/ann");
}

#[tokio::test]
async fn only_whole_ids_match() {
    let (_folder, store) = store(TEXT);
    for id in [
        "i-",
        "i-0defx",
        "xi-0def",
        "i-0def ",
        "I-0DEF",
        "ws-٣/ann:1",
    ] {
        assert_eq!(lookup(&store, id).await, None, "{id:?}");
    }
}

#[tokio::test]
async fn session_of_its_own_comes_before_patterns_and_an_earlier_pattern_before_a_later() {
    let text = format!("{TEXT}\n[[patterns]]\nmatch = '.*'\nhost = 'any.example'\nhttp_port = 1\n");
    let (_folder, store) = store(&text);
    for (id, host) in [
        ("i-0abc", "192.0.2.24"),
        ("i-0def", "i-0def.compute.example"),
        ("anything", "any.example"),
    ] {
        assert_eq!(lookup(&store, id).await.unwrap().host().as_str(), host);
    }
}

#[tokio::test]
async fn id_of_which_a_pattern_makes_no_session_is_an_error_with_its_place() {
    let (folder, store) = store(TEXT);
    for (id, reason) in [
        (
            "ws-17/ann",
            "this pattern makes `http_port` \"\" from the id: a port is a number from 1 to 65535",
        ),
        (
            "ws-17/ann:65536",
            "this pattern makes `http_port` \"65536\" from the id: a port is a number from 1 to 65535",
        ),
    ] {
        let error = store.lookup(&id.parse().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::CorruptRecord);
        let place = folder.path().join("sessions.toml:9");
        assert_eq!(
            error.chain().to_string(),
            format!(
                "static_file: a stored record is damaged: {}: {reason}",
                place.display()
            ),
        );
    }
}

#[tokio::test]
async fn no_id_leads_to_a_host_that_is_none() {
    let text = "[[patterns]]\nmatch = '(.*)'\nhost = '{1}'\nhttp_port = 1\n";
    let (_folder, store) = store(text);
    for id in ["ws-17.dcv.example", "192.0.2.7", "2001:db8::7"] {
        assert_eq!(lookup(&store, id).await.unwrap().host().as_str(), id);
    }
    for id in [
        "ws-17.dcv.example:22",
        "user@ws-17.dcv.example",
        "https://ws",
        "a/b",
        "ä",
        "0.0.0.0",
    ] {
        let looked_up = store.lookup(&id.parse().unwrap()).await;
        assert_eq!(looked_up.unwrap_err().kind(), StoreErrorKind::CorruptRecord);
    }
}

/// Two ids must not lead to one session because a character was cut.
#[tokio::test]
async fn part_of_a_character_is_an_error() {
    let text = "[[patterns]]\nmatch = '(.)(?<rest>.*)'\nhost = 'ws.example'\ntarget_id = '{rest}'\nhttp_port = 1\n";
    let (_folder, store) = store(text);
    assert_eq!(
        lookup(&store, "aann").await.unwrap().target_id().as_str(),
        "ann"
    );
    for id in ["éann", "èann"] {
        let looked_up = store.lookup(&id.parse().unwrap()).await;
        assert_eq!(looked_up.unwrap_err().kind(), StoreErrorKind::CorruptRecord);
    }
}

#[tokio::test]
async fn patterns_are_counted_and_not_listed() {
    let (_folder, store) = store(TEXT);
    assert_eq!((store.session_count(), store.pattern_count()), (1, 2));
    let page = store.list(None, 10.try_into().unwrap()).await.unwrap();
    assert_eq!(page.records.len(), 1);

    let file = SessionFile::parse(TEXT, Format::Toml, "f").unwrap();
    let [first, second] = file.patterns() else {
        panic!()
    };
    assert_eq!(first.to_string(), "f:2");
    assert_eq!(first.expression(), "i-[0-9a-f]+");
    assert_eq!(second.host(), "{host}.dcv.example");
}

#[tokio::test]
async fn reload_replaces_patterns() {
    let (folder, store) = store(TEXT);
    let text = "[[patterns]]\nmatch = 'a'\nhost = 'a.example'\nhttp_port = 1\n";
    fs::write(folder.path().join("sessions.toml"), text).unwrap();
    assert_eq!(store.reload().unwrap(), Reload::Replaced);
    assert_eq!(store.session_count(), 0);
    assert_eq!(lookup(&store, "i-0def").await, None);
    assert_eq!(
        lookup(&store, "a").await.unwrap().host().as_str(),
        "a.example"
    );
}

#[test]
fn pattern_that_leads_to_any_domain_is_a_warning() {
    for (expression, host, is_warning) in [
        ("(?<host>.*)", "{host}", true),
        ("desk-(?P<host>.+)", "{host}", true),
        ("([a-z]+)@([a-z0-9.-]+)", "{2}", true),
        (".+", "{0}", true),
        (r"[\d.]+", "{0}", true),
        ("(?<n>.*)", "ws-{n}", true),
        ("ws-.*", "{0}", true),
        (r"(?<a>[a-z]+)/(?<b>[a-z]+)", "{a}.{b}", true),
        (r"(?<a>\d+)-(?<b>\d+)-(\d+)-(\d+)", "{a}.{b}.{3}.{4}", true),
        ("(?<name>[a-z]+)", "{name}.com", true),
        ("(?:ws/(?<n>.*)|cad)", "dcv{n}", true),
        ("(?<host>.*)", "{host}.dcv.example", false),
        ("(?<host>ws-[0-9]+)", "{host}", false),
        (r"(?<host>[a-z0-9-]+\.dcv\.example)", "{host}", false),
        ("(?<user>.*)", "ws-17.dcv.example", false),
        ("(?<user>.*)@(?<n>[0-9]+)", "ws-{n}", false),
        ("(?<n>[a-z]+)/(?<site>eu|us)", "{n}.{site}.dcv.com", false),
        ("(?<n>.*)", "{n}.lan", false),
        (r"(?<n>\d+)", "10.0.0.{n}", false),
    ] {
        let text =
            format!("[[patterns]]\nmatch = '{expression}'\nhost = '{host}'\nhttp_port = 1\n");
        let (_folder, store) = store(&text);
        let warnings = store.warnings();
        assert_eq!(warnings.len(), usize::from(is_warning), "{expression}");
        if is_warning {
            let place = "sessions.toml:1: with host";
            assert!(warnings[0].contains(place), "{warnings:?}");
        }
    }
}

#[tokio::test]
async fn session_of_a_pattern_is_generated_by_it() {
    let (_folder, store) = store(TEXT);
    let generated_by = |id: &str| store.generated_by(&id.parse().unwrap());
    let pattern = generated_by("ws-17/ann:9443").unwrap();
    assert!(pattern.starts_with("pattern "), "{pattern}");
    assert!(pattern.ends_with("sessions.toml:9"), "{pattern}");
    // It has a table of its own.
    assert_eq!(generated_by("i-0abc"), None);
    assert_eq!(generated_by("unknown"), None);
}
