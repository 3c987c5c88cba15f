//! [`check`]: what holds for a session file in either format.

use std::collections::BTreeSet;

use dcv_resolver_core::{Expiry, SessionId, SessionRecord, StoreErrorKind, Transport};
use dcv_resolver_static_file::{Format, LoadError, SessionFile};
use serde_json::{Map, Value, json};

use crate::message;

/// Reads a session file, and checks what holds in either format. Returns its
/// sessions, unless it is invalid.
pub(crate) fn check(text: &str, format: Format) -> Option<Vec<SessionRecord>> {
    match SessionFile::parse(text, format, "f") {
        Ok(file) => {
            valid(&file);
            Some(file.into_sessions())
        }
        Err(error) => {
            invalid(text, &error);
            None
        }
    }
}

fn valid(file: &SessionFile) {
    let sessions = file.sessions();
    let ids: BTreeSet<_> = sessions.iter().map(SessionRecord::id).collect();
    assert_eq!(ids.len(), sessions.len(), "an id is given twice");

    let written = write(sessions);
    let again = SessionFile::parse(&written, Format::Json, "f")
        .unwrap_or_else(|error| panic!("{error}: {written}"));
    let mut sorted = sessions.to_vec();
    sorted.sort_by(|one, other| one.id().cmp(other.id()));
    let mut read_again = again.into_sessions();
    read_again.sort_by(|one, other| one.id().cmp(other.id()));
    assert_eq!(read_again, sorted, "{written}");

    let other = SessionId::new("i-0a1b2c3d4e5f60718").unwrap();
    for pattern in file.patterns() {
        for id in ids.iter().copied().take(3).chain([&other]) {
            match pattern.session(id) {
                Ok(None) => {}
                Ok(Some(record)) => {
                    assert_eq!(record.id(), id);
                    assert_eq!(record.expiry(), Expiry::Never);
                }
                Err(error) => {
                    assert_eq!(error.kind(), StoreErrorKind::CorruptRecord);
                    message::check_up_to(&error.chain().to_string(), 2048);
                }
            }
        }
    }
}

/// Each diagnostic is one line, and in the file.
fn invalid(text: &str, error: &LoadError) {
    let LoadError::Invalid {
        diagnostics, more, ..
    } = error
    else {
        panic!("{error}");
    };
    assert!((1..=100).contains(&diagnostics.len()), "{error}");
    let shown = error.to_string();
    let lines = diagnostics.len() + usize::from(*more > 0);
    assert_eq!(shown.lines().count(), lines, "{shown}");

    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<_> = text.split('\n').collect();
    let mut last = (0, 0);
    for diagnostic in diagnostics {
        message::check(diagnostic.message());
        let place = (diagnostic.line(), diagnostic.column());
        assert!(last <= place, "{error}");
        last = place;
        let line = lines[diagnostic.line() - 1];
        let columns = 1..=line.chars().count() + 1;
        assert!(columns.contains(&diagnostic.column()), "{error}");
    }
}

fn write(sessions: &[SessionRecord]) -> String {
    let sessions: Map<String, Value> = sessions
        .iter()
        .map(|session| {
            let mut fields = json!({
                "SessionId": session.target_id(),
                "Host": session.host(),
                "HttpPort": session.port(Transport::Http),
                "QuicPort": session.port(Transport::Quic),
                "WebUrlPath": session.web_url_path(),
                "State": session.state(),
                "Owner": session.owner(),
                "Labels": session.labels(),
            });
            if let Expiry::At(at) = session.expiry() {
                let text = at.to_string();
                // A time before 2001 can only be written as a date, and one after
                // the year 9999 only as a number.
                let (field, value) = if text.ends_with('Z') {
                    ("ExpiresAt", json!(text))
                } else {
                    ("ExpiresAtMs", json!(at))
                };
                fields[field] = value;
            }
            (session.id().to_string(), fields)
        })
        .collect();
    Value::Object(sessions).to_string()
}
