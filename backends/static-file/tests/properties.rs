//! What holds for every file: no panic, a position for each diagnostic, and the
//! same meaning in both formats.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

mod write;

use std::collections::BTreeMap;
use std::fs;

use dcv_resolver_core::{SessionId, SessionRecord, SessionState, Timestamp};
use dcv_resolver_static_file::{Format, LoadError, SessionFile};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use write::write;

const TOML: &str = include_str!("valid.toml");
const JSON: &str = include_str!("valid.json");

/// Reads `bytes` as a file, and checks that each diagnostic is located in it.
fn read(bytes: &[u8], format: Format) -> Result<SessionFile, LoadError> {
    let name = match format {
        Format::Json => "sessions.json",
        _ => "sessions.toml",
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let result = SessionFile::read(path);
    if let Err(error) = &result {
        assert!(!error.diagnostics().is_empty());
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let lines: Vec<_> = text.split(|byte| *byte == b'\n').collect();
        for diagnostic in error.diagnostics() {
            let line = lines.get(diagnostic.line() - 1).unwrap();
            assert!(
                (1..=line.len() + 2).contains(&diagnostic.column()),
                "{error}"
            );
            assert!(!diagnostic.message().contains(char::is_control), "{error}");
        }
    }
    result
}

#[test]
fn file_cut_off_anywhere_is_refused_or_valid() {
    for (text, format) in [(TOML, Format::Toml), (JSON, Format::Json)] {
        let whole = read(text.as_bytes(), format).unwrap();
        for end in 0..text.len() {
            let Ok(part) = read(&text.as_bytes()[..end], format) else {
                continue;
            };
            // No beginning of JSON is valid; in TOML, whole tables are.
            assert!(format == Format::Toml || text[end..].trim().is_empty());
            for session in &part.sessions()[..part.sessions().len().saturating_sub(1)] {
                assert!(whole.sessions().contains(session), "cut at {end}");
            }
        }
    }
}

#[test]
fn both_formats_have_the_same_meaning() {
    let toml = read(TOML.as_bytes(), Format::Toml).unwrap();
    let json = read(JSON.as_bytes(), Format::Json).unwrap();
    assert_eq!(toml.sessions(), json.sessions());
    assert_eq!(toml.sessions().len(), 4);
}

#[derive(Debug, Clone)]
enum Change {
    Remove(Index, usize),
    Insert(Index, Vec<u8>),
    Set(Index, u8),
    Repeat(Index, usize, usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let tokens = select(vec![
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        "\\",
        "\\ud800",
        "\\u0000",
        "=",
        ":",
        ",",
        ".",
        "\n",
        "\r",
        "\u{feff}",
        "é",
        "\0",
        "null",
        "true",
        "-1",
        "1e999",
        "0x_",
        "2026-01-02",
        "[[",
        "'''",
        "#",
        "sessions",
        "Host",
        "labels",
    ]);
    let change = prop_oneof![
        (any::<Index>(), 1..40usize).prop_map(|(at, len)| Change::Remove(at, len)),
        (any::<Index>(), tokens).prop_map(|(at, text)| Change::Insert(at, text.into())),
        (any::<Index>(), vec(any::<u8>(), 1..4)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (any::<Index>(), 1..60usize, 1..4usize).prop_map(|(at, len, n)| Change::Repeat(at, len, n)),
    ];
    vec(change, 1..6)
}

fn apply(text: &str, changes: Vec<Change>) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for change in changes {
        let position = |at: Index, bytes: &[u8]| at.index(bytes.len() + 1);
        match change {
            Change::Remove(at, len) => {
                let start = position(at, &bytes);
                let end = (start + len).min(bytes.len());
                bytes.drain(start..end);
            }
            Change::Insert(at, new) => {
                let at = position(at, &bytes);
                bytes.splice(at..at, new);
            }
            Change::Set(at, byte) => {
                let at = position(at, &bytes);
                if let Some(old) = bytes.get_mut(at) {
                    *old = byte;
                }
            }
            Change::Repeat(at, len, times) => {
                let start = position(at, &bytes);
                let end = (start + len).min(bytes.len());
                let part = bytes[start..end].repeat(times);
                bytes.splice(end..end, part);
            }
        }
    }
    bytes
}

/// Records with distinct ids, sorted by id.
fn records() -> impl Strategy<Value = Vec<SessionRecord>> {
    let id = "[^\\p{Cc}]{1,20}";
    let port = option::of(1..=u16::MAX);
    let state = select(vec![
        SessionState::Creating,
        SessionState::Ready,
        SessionState::Deleting,
        SessionState::Unknown,
    ]);
    let server = ("[a-z0-9]{1,9}\\.example", id, "/([a-z0-9~;]{1,5}/){0,3}");
    let notes = (option::of(".*"), btree_map(".*", ".*", 0..3));
    let parts = (
        server,
        port.clone(),
        port,
        state,
        option::of(any::<i64>()),
        notes,
    );
    btree_map(id, parts, 0..8).prop_map(|records| {
        let records = records.into_iter();
        records
            .filter_map(|(id, parts)| record(&id, parts))
            .collect()
    })
}

type Server = (String, String, String);
type Notes = (Option<String>, BTreeMap<String, String>);
type Parts = (
    Server,
    Option<u16>,
    Option<u16>,
    SessionState,
    Option<i64>,
    Notes,
);

/// Returns `None` when there is no port.
fn record(id: &str, parts: Parts) -> Option<SessionRecord> {
    let ((host, target_id, path), http_port, quic_port, state, at, (owner, labels)) = parts;
    let expiry = at.map(Timestamp::from_unix_ms).into();
    let mut record = SessionRecord::builder(id.parse().unwrap(), host.parse().unwrap(), expiry)
        .target_id(target_id.parse::<SessionId>().unwrap())
        .web_url_path(path.parse().unwrap())
        .state(state);
    record = record
        .http_port(http_port)
        .quic_port(quic_port)
        .owner(owner.as_deref())
        .labels(labels);
    record.build().ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes, Format::Toml);
        let _ = read(&bytes, Format::Json);
    }

    #[test]
    fn changed_files_never_panic(changes in changes()) {
        let _ = read(&apply(TOML, changes.clone()), Format::Toml);
        let _ = read(&apply(JSON, changes), Format::Json);
    }

    #[test]
    fn written_records_are_read_back(records in records()) {
        for format in [Format::Toml, Format::Json] {
            let text = write(&records, format);
            let mut read = SessionFile::parse(&text, format, "f").unwrap().into_sessions();
            read.sort_by(|a, b| a.id().cmp(b.id()));
            prop_assert_eq!(&read, &records, "{}", text);
        }
    }
}
