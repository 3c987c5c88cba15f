//! The sessions that are asked for.

use std::fmt::Write as _;
use std::path::Path;

use dcv_resolver_core::Resolver;
use dcv_resolver_static_file::StaticFileStore;

/// The id of a session: as long as a UUID, as brokers give them out.
#[must_use]
pub fn id(number: usize) -> String {
    // Spread over the whole id, or the hash of a map would have it easier than
    // with real ids.
    let spread = (number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let hex = format!("{spread:032x}");
    let (a, rest) = hex.split_at(8);
    let (b, rest) = rest.split_at(4);
    let (c, rest) = rest.split_at(4);
    let (d, e) = rest.split_at(4);
    format!("{a}-{b}-{c}-{d}-{e}")
}

/// A session file with `count` sessions, as JSON, each as in AWS's sample.
#[must_use]
pub fn json(count: usize) -> String {
    let mut text = String::with_capacity(count * 200);
    text.push('{');
    for number in 0..count {
        let id = id(number);
        let separator = if number == 0 { "" } else { "," };
        write!(
            text,
            "{separator}\n\"{id}\": {{\"SessionId\": \"{id}\", \"Host\": \"ws-{number}.dcv.example\", \"HttpPort\": 8443, \"QuicPort\": 8443, \"WebUrlPath\": \"/\"}}"
        )
        .unwrap();
    }
    text.push_str("\n}\n");
    text
}

/// What a gateway sends for the session: as its guide shows it.
#[must_use]
pub fn target(number: usize) -> String {
    format!(
        "/resolveSession?sessionId={}&transport=HTTP&clientIpAddress=192.0.2.7",
        id(number)
    )
}

/// A resolver over a session file with `count` sessions.
#[must_use]
pub fn resolver(count: usize) -> Resolver {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.json");
    write_file(&path, count);
    Resolver::new(StaticFileStore::load(&path).unwrap())
}

/// Writes a session file with `count` sessions.
pub fn write_file(path: &Path, count: usize) {
    std::fs::write(path, json(count)).unwrap();
}
