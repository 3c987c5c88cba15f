//! The sessions that are asked for.

use std::fmt::Write as _;

use dcv_resolver_core::{ResolveRequest, Resolver, Timestamp, Transport};
use dcv_resolver_static_file::StaticFileStore;

/// Where the hyphens of an id are.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// The id of a session: as long as a UUID, as brokers give them out.
#[must_use]
pub fn id(number: usize) -> String {
    id_bytes(number).map(char::from).iter().collect()
}

/// The same as bytes, for callers that write millions of them.
#[must_use]
pub fn id_bytes(number: usize) -> [u8; 36] {
    // Spread over the whole id, or the hash of a map would have it easier than
    // with real ids.
    let spread = (number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let mut id = [b'-'; 36];
    let digits = (0..id.len()).filter(|at| !HYPHENS.contains(at));
    for (at, shift) in digits.zip((0..128).step_by(4).rev()) {
        id[at] = b"0123456789abcdef"[(spread >> shift) as usize & 0xf];
    }
    id
}

/// A session file with `count` sessions, as JSON, each as in AWS's sample.
#[must_use]
pub fn json(count: usize) -> String {
    json_with(count, "")
}

/// The same, of sessions that expire.
#[must_use]
pub fn leased_json(count: usize, expires_at: Timestamp) -> String {
    let expires_at_ms = expires_at.as_unix_ms();
    json_with(count, &format!(", \"ExpiresAtMs\": {expires_at_ms}"))
}

fn json_with(count: usize, more: &str) -> String {
    let mut text = String::with_capacity(count * 200);
    text.push('{');
    for number in 0..count {
        let id = id(number);
        let separator = if number == 0 { "" } else { "," };
        // Writing into a string never fails.
        let _written = write!(
            text,
            "{separator}\n\"{id}\": {{\"SessionId\": \"{id}\", \"Host\": \"ws-{number}.dcv.example\", \"HttpPort\": 8443, \"QuicPort\": 8443, \"WebUrlPath\": \"/\"{more}}}"
        );
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

/// A request for each of these sessions.
///
/// # Panics
///
/// Never: what [`id`] gives is an id.
#[must_use]
pub fn requests(numbers: impl IntoIterator<Item = usize>) -> Vec<ResolveRequest> {
    let request = |number| ResolveRequest::new(id(number).parse().unwrap(), Transport::Http);
    numbers.into_iter().map(request).collect()
}

/// A resolver over a session file with `count` sessions.
#[must_use]
pub fn resolver(count: usize) -> Resolver {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.json");
    std::fs::write(&path, json(count)).unwrap();
    Resolver::new(StaticFileStore::load(&path).unwrap())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_look_as_brokers_give_them_out() {
        assert_eq!(id(0), "9e3779b9-7f4a-7c15-f39c-c0605cedc835");
        assert_eq!(id(1), "3c6ef372-fe94-f82b-e739-80c0b9db906a");
    }
}
