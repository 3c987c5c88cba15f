//! A store that is loaded once, or reloaded by hand.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at the first failure"
)]

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::{host, lookup, ping, text};
use dcv_resolver_core::Transport;
use dcv_resolver_static_file::{LoadError, Reload, StaticFileStore};

#[test]
fn lookup_finds_the_sessions_of_the_file_and_no_others() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/valid.json"));
    let store = StaticFileStore::load(path).unwrap();

    assert_eq!(store.path(), path);
    assert_eq!(store.session_count(), 4);
    let record = lookup(&store, "console").unwrap();
    assert_eq!(record.host().as_str(), "192.0.2.7");
    assert_eq!(record.port(Transport::Quic), Some(8443));
    let record = lookup(&store, "i-0abc é").unwrap();
    assert_eq!(record.target_id().as_str(), "console");
    for id in ["Console", "console ", "i-0abc", "SessionId"] {
        assert_eq!(lookup(&store, id), None, "{id}");
    }
    ping(&store);
}

#[test]
fn example_files_are_valid() {
    for name in ["sessions.toml", "sessions.json"] {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/");
        StaticFileStore::load(format!("{folder}{name}")).unwrap();
    }
}

#[test]
fn reload_by_hand_serves_valid_content_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.toml");
    fs::write(&path, text(1)).unwrap();
    let store = StaticFileStore::load(&path).unwrap();
    let loaded_at = store.loaded_at();
    assert_eq!(host(&store), "ws-1.example");

    assert_eq!(store.reload().unwrap(), Reload::Unchanged);
    assert_eq!(store.loaded_at(), loaded_at);

    fs::write(&path, text(2)).unwrap();
    assert_eq!(host(&store), "ws-1.example");
    assert_eq!(store.reload().unwrap(), Reload::Replaced);
    assert_eq!(store.session_count(), 2);
    assert_eq!(host(&store), "ws-2.example");
    assert!(store.loaded_at() > loaded_at);

    fs::write(&path, "[sessions.console]").unwrap();
    assert_eq!(store.reload().unwrap_err().diagnostics().len(), 2);
    fs::remove_file(&path).unwrap();
    let error = store.reload().unwrap_err();
    assert!(matches!(error, LoadError::Unreadable { .. }), "{error}");
    assert_eq!(host(&store), "ws-2.example");

    fs::write(&path, text(2)).unwrap();
    assert_eq!(store.reload().unwrap(), Reload::Unchanged);
    fs::write(&path, "[sessions]").unwrap();
    assert_eq!(store.reload().unwrap(), Reload::Replaced);
    assert_eq!(store.session_count(), 0);
    assert_eq!(lookup(&store, "console"), None);
}

#[test]
fn reload_under_64_readers_is_never_torn() {
    const RELOADS: u32 = 50;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.toml");
    fs::write(&path, text(0)).unwrap();
    let store = Arc::new(StaticFileStore::load(&path).unwrap());
    let done = AtomicBool::new(false);

    let lookups: u64 = thread::scope(|scope| {
        let read = || {
            let mut lookups = 0;
            while !done.load(Ordering::Relaxed) {
                // Panics when the session is missing, or made of two versions.
                host(&store);
                lookups += 1;
                thread::yield_now();
            }
            lookups
        };
        let readers: Vec<_> = (0..64).map(|_| scope.spawn(read)).collect();
        for version in 1..=RELOADS {
            fs::write(&path, text(version)).unwrap();
            assert_eq!(store.reload().unwrap(), Reload::Replaced);
        }
        done.store(true, Ordering::Relaxed);
        readers
            .into_iter()
            .map(|reader| reader.join().unwrap())
            .sum()
    });

    println!("{lookups} lookups during {RELOADS} reloads");
    assert_eq!(host(&store), format!("ws-{RELOADS}.example"));
}
