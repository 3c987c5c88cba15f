//! The records, ids, tokens and times that the rules use.

use std::time::Duration;

use dcv_resolver_core::{
    Expiry, LeaseToken, RegisterError, RenewError, SessionId, SessionRecord, SessionState,
    Timestamp, WebUrlPath,
};

/// The token that a rule registers with: not text, and not a palindrome.
pub(crate) const OURS: LeaseToken = LeaseToken::from_bytes([
    0x00, 0x11, 0xfe, 0x27, 0x25, 0x5c, 0x0a, 0xc3, 0x28, 0x41, 0x61, 0x80, 0x7f, 0x20, 0x5f, 0x99,
]);

/// The token of another owner.
pub(crate) const THEIRS: LeaseToken = LeaseToken::from_bytes([
    0x00, 0x11, 0xfe, 0x27, 0x25, 0x5c, 0x0a, 0xc3, 0x28, 0x41, 0x61, 0x80, 0x7f, 0x20, 0x5f, 0x98,
]);

pub(crate) fn id(text: &str) -> SessionId {
    text.parse().unwrap()
}

/// Returns the time `ms` milliseconds after `t0`.
pub(crate) fn after(t0: Timestamp, ms: u64) -> Timestamp {
    t0.saturating_add(Duration::from_millis(ms))
}

pub(crate) fn minimal(id: SessionId, expiry: Expiry) -> SessionRecord {
    SessionRecord::builder(id, "192.0.2.7".parse().unwrap(), expiry)
        .http_port(8443)
        .build()
        .unwrap()
}

/// Returns a record with another host than [`minimal`] and [`full`].
pub(crate) fn other(id: SessionId, expiry: Expiry) -> SessionRecord {
    SessionRecord::builder(id, "198.51.100.9".parse().unwrap(), expiry)
        .quic_port(9443)
        .build()
        .unwrap()
}

/// Returns a record with every field set to a value that is not its default.
pub(crate) fn full(id: SessionId, expiry: Expiry) -> SessionRecord {
    SessionRecord::builder(id, "ws-17.dcv.example".parse().unwrap(), expiry)
        .target_id("a target of its own".parse::<SessionId>().unwrap())
        .http_port(8443)
        .quic_port(8444)
        .web_url_path("/desktop;v=1/a%20b".parse().unwrap())
        .state(SessionState::Creating)
        .owner("Zoë O'Neill")
        .label("room", "Zürich 4.017")
        .label("cost centre", "17")
        .build()
        .unwrap()
}

/// Returns records that together have the smallest and the greatest value of
/// every field.
pub(crate) fn varied() -> Vec<SessionRecord> {
    let at = |unix_ms| Expiry::At(Timestamp::from_unix_ms(unix_ms));
    let host = "a.".repeat(125) + "aaa";
    let path = format!("/{}", "p".repeat(WebUrlPath::MAX_BYTES - 1));
    let mut records = vec![
        minimal(id("the least"), Expiry::Never),
        other(id("QUIC only"), Expiry::Never),
        full(id("everything"), at(1_900_000_000_001)),
        SessionRecord::builder(id("the greatest"), host.parse().unwrap(), Expiry::Never)
            .target_id(id(&"t".repeat(SessionId::MAX_BYTES)))
            .http_port(u16::MAX)
            .quic_port(u16::MAX)
            .web_url_path(path.parse().unwrap())
            .owner(&*"o".repeat(1_000))
            .label("l".repeat(100), "v".repeat(1_000))
            .build()
            .unwrap(),
        SessionRecord::builder(id("IPv6"), "2001:db8::7".parse().unwrap(), Expiry::Never)
            .http_port(1)
            .quic_port(1)
            .build()
            .unwrap(),
        minimal(id("many labels"), Expiry::Never)
            .to_builder()
            .labels((0..64).map(|number| (format!("label {number}"), "v".repeat(100))))
            .build()
            .unwrap(),
        // An empty owner is not the same as no owner.
        minimal(id("nameless owner"), Expiry::Never)
            .to_builder()
            .owner("")
            .label("", "")
            .build()
            .unwrap(),
    ];
    for state in [
        SessionState::Creating,
        SessionState::Ready,
        SessionState::Deleting,
        SessionState::Unknown,
    ] {
        let record = minimal(id(state.as_str()), Expiry::Never);
        records.push(record.to_builder().state(state).build().unwrap());
    }
    for text in UNUSUAL_TEXTS {
        let number = records.len();
        records.push(
            minimal(id(&format!("unusual text {number}")), Expiry::Never)
                .to_builder()
                .owner(*text)
                .label(*text, *text)
                .build()
                .unwrap(),
        );
    }
    // The limits of `Timestamp`, and the first integers that do not fit into 32
    // bits or a floating-point number.
    for unix_ms in [
        i64::MIN,
        -1,
        0,
        1,
        (1 << 31) + 1,
        (1 << 53) + 1,
        253_402_300_799_999,
        i64::MAX,
    ] {
        records.push(minimal(id(&format!("expiry {unix_ms}")), at(unix_ms)));
    }
    records
}

const UNUSUAL_TEXTS: &[&str] = &[
    "line\nbreak, \r\n and \t tab",
    "NUL \0 inside",
    "\u{1b}[31m\u{7f}\u{85}",
    "\"quoted\" 'twice' \\ and back",
    "'; DROP TABLE sessions; --",
    "]] .. redis.call('FLUSHALL') .. [[",
    "# = { } [ ] , : null true",
    "e\u{301} \u{e9} \u{1f469}\u{200d}\u{1f680} \u{202e}",
    "\u{feff}\u{fffe}\u{10ffff}",
    " ",
];

/// Returns ids that a careless store does not treat as plain text.
pub(crate) fn unusual_ids() -> Vec<SessionId> {
    let longest = "x".repeat(SessionId::MAX_BYTES);
    let longest_wide = "é".repeat(SessionId::MAX_BYTES / 2);
    UNUSUAL_IDS
        .iter()
        .copied()
        .chain(look_alikes().into_iter().flatten())
        .chain([longest.as_str(), longest_wide.as_str()])
        .map(id)
        .collect()
}

const UNUSUAL_IDS: &[&str] = &[
    "'",
    "\"",
    "`",
    "''",
    "\\",
    "\\0",
    "\\u0000",
    "%s",
    "$1",
    "?1",
    ":id",
    "@id",
    "{",
    "}",
    "{}",
    "{0}",
    "${HOME}",
    "{tag}rest",
    "[",
    "]",
    "[^a]",
    "(",
    ")",
    ".",
    "..",
    "../..",
    "/",
    "//",
    "/etc/passwd",
    "C:\\sessions",
    "a:b",
    "a|b",
    "a,b",
    "a;b",
    "a&b=c",
    "a#b",
    "--",
    "/* */",
    "'; DROP TABLE sessions; --",
    "' OR '1'='1",
    "]] return 1 --",
    "null",
    "NULL",
    "nil",
    "None",
    "true",
    "undefined",
    "0",
    "-1",
    "9223372036854775808",
    "NaN",
    "0x10",
    "1e400",
    "\u{1f469}\u{200d}\u{1f680}",
    "\u{202e}desrever",
    "\u{feff}marked",
    "\u{fffd}",
    "\u{10ffff}",
    "会话",
    "جلسة",
];

/// Returns groups of ids that differ in bytes and are equal in some other
/// comparison; the first of a group may be a pattern for the others.
pub(crate) fn look_alikes() -> Vec<Vec<&'static str>> {
    vec![
        vec!["console", "Console", "CONSOLE"],
        vec!["ÉCOLE", "école"],
        vec!["straße", "strasse", "STRASSE"],
        vec!["ΣΊΣΥΦΟΣ", "σίσυφος", "σίσυφοσ"],
        vec!["Iı", "iı", "İi"],
        // The same letter, composed and decomposed.
        vec!["caf\u{e9}", "cafe\u{301}", "cafe"],
        vec!["\u{212b}ngstrom", "\u{c5}ngstrom", "A\u{30a}ngstrom"],
        vec!["full", "\u{ff46}\u{ff55}\u{ff4c}\u{ff4c}", "\u{fb01}ll"],
        vec!["space", "space ", " space", "space  ", "space\u{a0}"],
        vec![" ", "  ", "\u{a0}", "\u{200b}"],
        vec!["join", "jo\u{200d}in", "jo\u{ad}in", "join\u{200b}"],
        vec!["%", "%%", "a%", "abc%"],
        vec!["l_ke", "like", "l%"],
        vec!["gl*b", "glob", "gl?b", "gl[o]b", "gl\\*b", "*", "?"],
        vec!["1", "01", "+1", "1.0", "1e0", "1 ", "١"],
        vec!["pre", "prefix", "prefix:", "prefix:1"],
        vec!["a/b", "a//b", "a/./b", "a/b/"],
        vec!["%41", "A", "&#65;", "\\x41"],
    ]
}

/// Asserts that a register found a live record under another lease.
#[track_caller]
pub(crate) fn assert_already_exists(result: &Result<(), RegisterError>) {
    match result {
        Err(RegisterError::AlreadyExists) => {}
        answer => panic!("expected AlreadyExists, got {answer:?}"),
    }
}

/// Asserts that a renew found no live record under this lease.
#[track_caller]
pub(crate) fn assert_lease_lost(result: &Result<(), RenewError>) {
    match result {
        Err(RenewError::LeaseLost) => {}
        answer => panic!("expected LeaseLost, got {answer:?}"),
    }
}
