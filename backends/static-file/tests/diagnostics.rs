//! The diagnostics of a session file: position and message.

#![expect(clippy::panic, reason = "a test stops at the first failure")]

use std::error::Error;
use std::fs;
use std::path::Path;

use dcv_resolver_static_file::{Diagnostic, Format, LoadError, SessionFile};

fn parse(text: &str, format: Format) -> LoadError {
    let Err(error) = SessionFile::parse(text, format, "f") else {
        panic!("no diagnostic for {text}");
    };
    error
}

fn assert_lines(text: &str, format: Format, lines: &[&str]) {
    let shown = parse(text, format).to_string();
    assert_eq!(shown.lines().collect::<Vec<_>>(), lines, "in {text}");
}

/// `field` in the third line of a session that is valid without it.
fn toml_with(field: &str) -> String {
    format!("[sessions.a]\nhost = \"h\"\n{field}\n[sessions.b]\nhost = \"h\"\nhttp_port = 1\n")
}

/// `field` in the second line of a session that is valid without it.
fn json_with(field: &str) -> String {
    format!("{{\"a\": {{\"Host\": \"h\",\n  {field}}}}}")
}

#[test]
fn diagnostic_of_a_toml_field() {
    for (field, line) in [
        (
            "http_port = 0",
            "f:3:13: `http_port` is 0: a port is a number from 1 to 65535",
        ),
        (
            "quic_port = -1",
            "f:3:13: `quic_port` is -1: a port is a number from 1 to 65535",
        ),
        (
            "http_port = 65_536",
            "f:3:13: `http_port` is 65536: a port is a number from 1 to 65535",
        ),
        (
            "http_port = 99999999999999999999",
            "f:3:13: `http_port` is an integer out of range; expected a number from 1 to 65535",
        ),
        (
            "http_port = \"8443\"",
            "f:3:13: `http_port` is the string \"8443\"; expected a number without quotes",
        ),
        (
            "http_port = 8443.0",
            "f:3:13: `http_port` is a float; expected a number from 1 to 65535",
        ),
        (
            "http_port = 1\nweb_url_path = \"desktop\"",
            "f:4:16: `web_url_path` is \"desktop\": a web URL path starts with '/'",
        ),
        (
            "http_port = 1\ntarget_id = \"\"",
            "f:4:13: `target_id` is \"\": a session id must not be empty",
        ),
        (
            "http_port = 1\ntarget_id = \"a\\u001bb\"",
            "f:4:13: `target_id` is \"a\\u{1b}b\": a session id must not contain control characters, but this one does at byte 1",
        ),
        (
            "http_port = 1\nstate = \"ready\"",
            "f:4:9: `state` is \"ready\": a session state is CREATING, READY, DELETING or UNKNOWN, in capitals",
        ),
        (
            "http_port = 1\nstate = true",
            "f:4:9: `state` is a boolean; expected a string",
        ),
        (
            "http_port = 1\nexpires_at = 2026-01-02",
            "f:4:14: `expires_at` is \"2026-01-02\": not an RFC 3339 date and time, such as 2026-01-02T03:04:05Z",
        ),
        (
            "http_port = 1\nexpires_at = 2026-01-02T03:04:05",
            "f:4:14: `expires_at` is \"2026-01-02T03:04:05\": not an RFC 3339 date and time, such as 2026-01-02T03:04:05Z",
        ),
        (
            "http_port = 1\nexpires_at = 03:04:05",
            "f:4:14: `expires_at` is \"03:04:05\": not an RFC 3339 date and time, such as 2026-01-02T03:04:05Z",
        ),
        (
            "http_port = 1\nexpires_at = \"tomorrow\"",
            "f:4:14: `expires_at` is \"tomorrow\": not an RFC 3339 date and time, such as 2026-01-02T03:04:05Z",
        ),
        (
            "http_port = 1\nexpires_at = 1767323045000",
            "f:4:14: `expires_at` is an integer; expected a date and time such as 2026-01-02T03:04:05Z; milliseconds go into `expires_at_ms`",
        ),
        (
            "http_port = 1\nexpires_at = []",
            "f:4:14: `expires_at` is an array; expected a date and time such as 2026-01-02T03:04:05Z",
        ),
        (
            "http_port = 1\nexpires_at_ms = 2026-01-02T03:04:05Z",
            "f:4:17: `expires_at_ms` is a date; expected an integer, the milliseconds since 1970-01-01T00:00:00Z",
        ),
        (
            "http_port = 1\nexpires_at_ms = 1893553445000\nexpires_at = 2026-01-02T03:04:05Z",
            "f:5:14: `expires_at` conflicts with `expires_at_ms`; give one of them",
        ),
        (
            "http_port = 1\nowner = 7",
            "f:4:9: `owner` is an integer; expected a string",
        ),
        (
            "http_port = 1\nlabels = \"x\"",
            "f:4:10: `labels` is a string; expected a table of strings",
        ),
        (
            "http_port = 1\nlabels = { \"é\" = \"x\", a = 1 }",
            "f:4:27: label \"a\" is an integer; expected a string",
        ),
        (
            "http_port = 1\nlabels.a.b = \"x\"",
            "f:4:8: label \"a\" is a table; expected a string",
        ),
        (
            "http_port = 1\nhots = \"x\"",
            "f:4:1: unknown field \"hots\"; did you mean `host`?",
        ),
        (
            "http_port = 1\nHttpPort = 1",
            "f:4:1: unknown field \"HttpPort\"; did you mean `http_port`?",
        ),
        (
            "http_port = 1\ncolour = 1",
            "f:4:1: unknown field \"colour\"; expected one of host, http_port, quic_port, web_url_path, target_id, state, expires_at, expires_at_ms, owner, labels",
        ),
        (
            "http_port = 1\n[sessions.a.example]\nb = 1",
            "f:4:13: unknown field \"example\"; an id with a dot needs quotes: [sessions.\"ws-17.dcv\"]",
        ),
        (
            "http_port = 1\n[sessions.a.lables]\nb = \"x\"",
            "f:4:13: unknown field \"lables\"; did you mean `labels`?",
        ),
        (
            "web_url_path = \"/\"",
            "f:1:11: session \"a\" has neither `http_port` nor `quic_port`; expected at least one",
        ),
        (
            "http_port = 1\nhost = \"i\"",
            "f:4:1: duplicate key: \"host\"",
        ),
        (
            "http_port = 84x3",
            "f:3:13: string values must be quoted, expected literal string: \"84x3\"",
        ),
    ] {
        assert_lines(&toml_with(field), Format::Toml, &[line]);
    }
}

#[test]
fn diagnostic_of_a_json_field() {
    for (field, line) in [
        (
            r#""HttpPort": "8443""#,
            "f:2:15: `HttpPort` is the string \"8443\"; expected a number without quotes",
        ),
        (
            r#""HttpPort": 8443.0"#,
            "f:2:15: `HttpPort` is a number with a fraction or an exponent; expected a number from 1 to 65535",
        ),
        (
            r#""HttpPort": 1e999"#,
            "f:2:15: `HttpPort` is a number with a fraction or an exponent; expected a number from 1 to 65535",
        ),
        (
            r#""HttpPort": 99999999999999999999"#,
            "f:2:15: `HttpPort` is a number out of range; expected a number from 1 to 65535",
        ),
        (
            r#""HttpPort": null, "QuicPort": null"#,
            "f:1:2: session \"a\" has neither `HttpPort` nor `QuicPort`; expected at least one",
        ),
        (
            r#""HttpPort": 1, "QuicPort": 65536"#,
            "f:2:30: `QuicPort` is 65536: a port is a number from 1 to 65535",
        ),
        (
            r#""HttpPort": 1, "WebUrlPath": "/a b""#,
            "f:2:32: `WebUrlPath` is \"/a b\": a web URL path must not contain the character at byte 2; percent-encode it, or leave out the query",
        ),
        (
            r#""HttpPort": 1, "SessionId": 7"#,
            "f:2:31: `SessionId` is an integer; expected a string",
        ),
        (
            r#""HttpPort": 1, "State": []"#,
            "f:2:27: `State` is an array; expected a string",
        ),
        (
            r#""HttpPort": 1, "State": true"#,
            "f:2:27: `State` is a boolean; expected a string",
        ),
        (
            r#""HttpPort": 1, "ExpiresAt": "2026-01-02""#,
            "f:2:31: `ExpiresAt` is \"2026-01-02\": not an RFC 3339 date and time, such as 2026-01-02T03:04:05Z",
        ),
        (
            r#""HttpPort": 1, "ExpiresAt": 5"#,
            "f:2:31: `ExpiresAt` is an integer; expected a date and time such as 2026-01-02T03:04:05Z; milliseconds go into `ExpiresAtMs`",
        ),
        (
            r#""HttpPort": 1, "ExpiresAtMs": "5""#,
            "f:2:33: `ExpiresAtMs` is a string; expected an integer, the milliseconds since 1970-01-01T00:00:00Z",
        ),
        (
            r#""HttpPort": 1, "ExpiresAt": "2026-01-02T03:04:05Z", "ExpiresAtMs": 1893553445000"#,
            "f:2:70: `ExpiresAtMs` conflicts with `ExpiresAt`; give one of them",
        ),
        (
            r#""HttpPort": 1, "Owner": {}"#,
            "f:2:27: `Owner` is an object; expected a string",
        ),
        (
            r#""HttpPort": 1, "Labels": {"a": null}"#,
            "f:2:34: label \"a\" is null; expected a string",
        ),
        (
            r#""HttpPort": 1, "Labels": {"a": "x", "\u0061": "y"}"#,
            "f:2:39: label \"a\" is given twice",
        ),
        (
            r#""HttpPort": 1, "Labels": []"#,
            "f:2:28: `Labels` is an array; expected an object of strings",
        ),
        (
            r#""HttpPort": 1, "http_port": 1"#,
            "f:2:18: unknown field \"http_port\"; did you mean `HttpPort`?",
        ),
        (
            r#""HttpPort": 1, "Host": "h""#,
            "f:2:18: `Host` is given twice",
        ),
        (
            r#""HttpPort": 1, "Owner": null, "Owner": "ann""#,
            "f:2:33: `Owner` is given twice",
        ),
        (
            r#""HttpPort": 1, "Owner": "\ud800""#,
            "f:2:27: `Owner` is a string with half of a surrogate pair (\\uD800 to \\uDFFF); expected a string",
        ),
        (r#""HttpPort": 1,"#, "f:2:17: trailing comma"),
        ("\"HttpPort\": 1,\n", "f:3:1: trailing comma"),
        (r#""HttpPort": 1, 2"#, "f:2:18: key must be a string"),
        (r#""HttpPort": 01"#, "f:2:16: invalid number"),
    ] {
        assert_lines(&json_with(field), Format::Json, &[line]);
    }
}

#[test]
fn diagnostic_outside_of_sessions() {
    for (format, text, line) in [
        (
            Format::Toml,
            "",
            "f:1:1: missing table [sessions]; leave it empty if there are no sessions",
        ),
        (
            Format::Toml,
            "# nothing but this\n",
            "f:1:1: missing table [sessions]; leave it empty if there are no sessions",
        ),
        (
            Format::Toml,
            "sessions = 3",
            "f:1:12: `sessions` is an integer; expected a table of sessions",
        ),
        (
            Format::Toml,
            "[[sessions]]\nhost = 'h'",
            "f:1:1: `sessions` is an array; expected a table of sessions",
        ),
        (
            Format::Toml,
            "[sessions]\n[session.a]",
            "f:2:2: unknown key \"session\"; did you mean `sessions`?",
        ),
        (
            Format::Toml,
            "[sessions]\na = 'h'",
            "f:2:5: session \"a\" is a string; expected a table with its fields",
        ),
        (
            Format::Toml,
            "[sessions.'']\nhost = 'h'\nhttp_port = 1",
            "f:1:11: the session id \"\": a session id must not be empty",
        ),
        (
            Format::Toml,
            "[sessions.a]\nhost = 'h'\nhttp_port = 1\n[sessions.a]",
            "f:4:11: session \"a\" is given twice",
        ),
        (
            Format::Toml,
            "[sessions.a]\nhost = 'h'\nhttp_port = 1\n[ sessions . \"a\" ]",
            "f:4:14: session \"a\" is given twice",
        ),
        (
            Format::Toml,
            "[sessions]\n[sessions]",
            "f:2:2: duplicate key: \"sessions\"",
        ),
        (
            Format::Toml,
            "[sessions.a\nhost = 'h'",
            "f:1:12: unclosed table, expected `]`",
        ),
        (Format::Json, "", "f:1:1: EOF while parsing a value"),
        (Format::Json, "{", "f:1:1: EOF while parsing an object"),
        (
            Format::Json,
            "\n []",
            "f:2:2: expected an object with one session per key",
        ),
        (Format::Json, "{}\n}", "f:2:1: trailing characters"),
        (
            Format::Json,
            "{\"a\": null}",
            "f:1:7: session \"a\" is null; expected an object with its fields",
        ),
        (
            Format::Json,
            "{\"a\\n\": {\"Host\": \"h\", \"HttpPort\": 1}}",
            "f:1:2: the session id \"a\\n\": a session id must not contain control characters, but this one does at byte 1",
        ),
        (
            Format::Json,
            "{\"\\udc00\": {}}",
            "f:1:2: this key is a string with half of a surrogate pair (\\uD800 to \\uDFFF)",
        ),
        (
            Format::Json,
            "{\"a\": {\"\\udc00\": 1}}",
            "f:1:7: session \"a\" is an object with a broken key; expected an object with its fields",
        ),
        (
            Format::Json,
            "{\"a\": {\"Host\": \"h\", \"HttpPort\": 1},\n \"\\u0061\": {\"Host\": \"h\", \"HttpPort\": 1}}",
            "f:2:2: session \"a\" is given twice",
        ),
    ] {
        assert_lines(text, format, &[line]);
    }
}

#[test]
fn all_diagnostics_are_reported_at_once_from_top_to_bottom() {
    let toml = r#"
title = "x"
[sessions.console]
host = "https://ws.example"
htpt_port = 8443
quic_port = "8443"
[sessions.console]
state = "ready"
[sessions.b]
"#;
    assert_lines(
        toml,
        Format::Toml,
        &[
            "f:2:1: unknown key \"title\"; the only keys at the top are `sessions` and `patterns`",
            "f:4:8: `host` is \"https://ws.example\": a host is a bare DNS name or IP address, without the scheme",
            "f:5:1: unknown field \"htpt_port\"; did you mean `http_port`?",
            "f:6:13: `quic_port` is the string \"8443\"; expected a number without quotes",
            "f:7:11: session \"console\" is given twice",
            "f:8:9: `state` is \"ready\": a session state is CREATING, READY, DELETING or UNKNOWN, in capitals",
            "f:9:11: session \"b\" has no `host`",
            "f:9:11: session \"b\" has neither `http_port` nor `quic_port`; expected at least one",
        ],
    );
    let json = r#"{
  "console": {"SessionId": "", "HttpPort": "1"},
  "console": {"Host": "0.0.0.0", "HttpPort": 1},
  "": 5,
  "é": {"Host": "é", "Port": 1},
]"#;
    assert_lines(
        json,
        Format::Json,
        &[
            "f:2:3: session \"console\" has no `Host`",
            "f:2:28: `SessionId` is \"\": a session id must not be empty",
            "f:2:44: `HttpPort` is the string \"1\"; expected a number without quotes",
            "f:3:3: session \"console\" is given twice",
            "f:3:23: `Host` is \"0.0.0.0\": clients cannot connect to the unspecified address; give the DCV server's own address",
            "f:4:3: the session id \"\": a session id must not be empty",
            "f:4:7: session \"\" is an integer; expected an object with its fields",
            "f:5:3: session \"é\" has neither `HttpPort` nor `QuicPort`; expected at least one",
            "f:5:17: `Host` is \"é\": not a DNS name: each part between dots must have 1 to 63 letters, digits, '-' or '_', with no '-' at either end",
            "f:5:22: unknown field \"Port\"; expected one of Host, HttpPort, QuicPort, WebUrlPath, SessionId, State, ExpiresAt, ExpiresAtMs, Owner, Labels",
            "f:6:1: key must be a string",
        ],
    );
}

#[test]
fn duplicate_is_reported_whichever_of_the_two_is_invalid() {
    let valid = r#""a": {"Host": "h", "HttpPort": 1}"#;
    let invalid = r#""a": {"Host": "h", "HttpPort": 0}"#;
    for (first, second) in [(valid, invalid), (invalid, valid), (invalid, invalid)] {
        let error = parse(&format!("{{{first},\n{second}}}"), Format::Json);
        let twice = "f:2:1: session \"a\" is given twice";
        assert!(error.to_string().contains(twice), "{error}");
    }
}

#[test]
fn each_toml_syntax_error_is_reported() {
    assert_lines(
        "[sessions.a]\nhost = h\nhttp_port = 1\n[sessions.b]\nhost = \"x\nhttp_port = 1\n",
        Format::Toml,
        &[
            "f:2:8: string values must be quoted, expected literal string: \"h\"",
            "f:5:10: invalid basic string, expected `\"`",
        ],
    );
    assert_lines(
        "a = [[[[",
        Format::Toml,
        &["f:1:9: unclosed array, expected `]`"],
    );
}

#[test]
fn duplicate_in_a_large_toml_file_hides_nothing() {
    let session = "[sessions.a]\nhost = 'h'\nhttp_port = 1\n[sessions.a]\n[sessions.b]\n";
    let comment = "#".repeat(1_000_000);
    let error = parse(&format!("{session}{comment}"), Format::Toml);
    assert_eq!(error.diagnostics().len(), 3, "{error}");
}

#[test]
fn only_the_first_syntax_error_of_a_large_toml_file_is_listed() {
    let broken = "a = h\nb = h\n";
    let longest = (1 << 20) - broken.len();
    for (comment_bytes, count) in [(longest, 2), (longest + 1, 1)] {
        let comment = "#".repeat(comment_bytes);
        let error = parse(&format!("{broken}{comment}"), Format::Toml);
        let listed: Vec<_> = error.diagnostics().iter().map(Diagnostic::line).collect();
        assert_eq!(listed, [1, 2][..count], "{error}");
    }
}

#[test]
fn first_diagnostics_of_a_toml_table_are_the_first_of_the_file() {
    let field = |number: i32| format!("x{} = 1\n", 1_000 - number);
    let fields: String = (0..200).map(field).collect();
    for table in ["", "[sessions.a]\n", "[[patterns]]\n"] {
        let error = parse(&format!("{table}{fields}"), Format::Toml);
        let lines: Vec<_> = error.diagnostics().iter().map(Diagnostic::line).collect();
        assert!(lines.iter().all(|line| *line <= 101), "{table}: {lines:?}");
    }
}

#[test]
fn json_session_over_the_limit_is_refused_and_others_are_read() {
    let session = |labels_bytes: usize| {
        let label = "x".repeat(labels_bytes);
        format!(r#"{{"Host": "h", "HttpPort": 1, "Labels": {{"a": "{label}"}}}}"#)
    };
    let longest = session((1 << 20) - session(0).len());
    SessionFile::parse(&format!(r#"{{"a": {longest}}}"#), Format::Json, "f").unwrap();

    let longer = session((1 << 20) - session(0).len() + 1);
    assert_lines(
        &format!("{{\"a\": {longer},\n \"b\": 1}}"),
        Format::Json,
        &[
            "f:1:2: session \"a\" is longer than 1 MiB, the limit for one session; shorten its labels",
            "f:2:7: session \"b\" is an integer; expected an object with its fields",
        ],
    );
}

#[test]
fn first_hundred_diagnostics_are_listed_and_the_rest_counted() {
    let mut json = String::from("{");
    for n in 0..250 {
        json.push_str(&format!("\"s{n}\": 0,\n"));
    }
    json.push_str("\"last\": {\"Host\": \"h\", \"HttpPort\": 1}}");
    let error = parse(&json, Format::Json);

    assert_eq!(error.diagnostics().len(), 100);
    let shown = error.to_string();
    assert_eq!(shown.lines().count(), 101);
    assert_eq!(shown.lines().last(), Some("f: and 150 more diagnostics"));
}

#[test]
fn diagnostic_has_path_line_column_and_message() {
    let error = parse("[sessions]\n  a = 1", Format::Toml);
    let diagnostics: &[Diagnostic] = error.diagnostics();
    let diagnostic = diagnostics.first().unwrap();

    assert_eq!(error.path(), Path::new("f"));
    assert_eq!(diagnostic.path(), Path::new("f"));
    assert_eq!((diagnostic.line(), diagnostic.column()), (2, 7));
    assert_eq!(
        diagnostic.message(),
        "session \"a\" is an integer; expected a table with its fields"
    );
}

#[test]
fn quoted_text_is_escaped_and_cut_short() {
    let error = parse(
        "[sessions.a]\nhost='h'\nhttp_port=1\n\"\\u001b[31m\\u202e\\n\" = 1",
        Format::Toml,
    );
    let message = error.diagnostics().first().unwrap().message();
    assert!(
        message.starts_with(r#"unknown field "\u{1b}[31m\u{202e}\n";"#),
        "{message}"
    );

    let long = format!("{{\"{}\": 1}}", "é".repeat(5_000));
    let error = parse(&long, Format::Json);
    let message = error.diagnostics().last().unwrap().message();
    assert_eq!(
        message,
        format!(
            "session \"{}\"… is an integer; expected an object with its fields",
            "é".repeat(60)
        )
    );
}

#[test]
fn byte_order_mark_is_allowed_and_not_counted() {
    let error = parse("\u{feff}[sessions]\na = 1", Format::Toml);
    assert!(error.to_string().starts_with("f:2:5: "), "{error}");
    let error = parse("\u{feff}[]", Format::Json);
    assert!(error.to_string().starts_with("f:1:1: "), "{error}");
    SessionFile::parse("\u{feff}{}", Format::Json, "f").unwrap();
}

#[test]
fn content_that_is_not_utf_8_is_refused() {
    const UTF_16: &str = "this is not UTF-8 text, but perhaps UTF-16; expected UTF-8";
    let folder = tempfile::tempdir().unwrap();
    for (bytes, place, message) in [
        (
            &b"{\n \"\xC3\xA9\": {\"Host\": \"\xFF\"}}"[..],
            "2:17",
            "this byte is not UTF-8; expected UTF-8",
        ),
        (b"\xFF\xFE{\0}\0", "1:1", UTF_16),
        (b"\xFE\xFF\0{\0}", "1:1", UTF_16),
        (b"{\0}\0", "1:1", UTF_16),
        (b"\xFF\xFE\0\0{\0\0\0", "1:1", UTF_16),
        (b"\0\x01\x02", "1:1", UTF_16),
    ] {
        for name in ["sessions.json", "sessions.toml"] {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            assert_eq!(
                SessionFile::read(&path).unwrap_err().to_string(),
                format!("{}:{place}: {message}", path.display())
            );
        }
    }
}

#[test]
fn path_that_is_not_a_file_is_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.toml");
    let message = || {
        let error = SessionFile::read(&path).unwrap_err();
        assert!(error.diagnostics().is_empty());
        let shown = error.to_string();
        let prefix = format!("{}: ", path.display());
        shown.strip_prefix(&prefix).unwrap().to_owned()
    };

    assert_eq!(message(), "there is no such file");
    let missing = SessionFile::read(&path).unwrap_err();
    let source = missing.source().unwrap().downcast_ref::<std::io::Error>();
    assert_eq!(source.unwrap().kind(), std::io::ErrorKind::NotFound);

    fs::create_dir(&path).unwrap();
    assert_eq!(message(), "this is a directory; expected a file");
    fs::remove_dir(&path).unwrap();

    #[cfg(unix)]
    {
        let status = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(status.unwrap().success());
        assert_eq!(message(), "this is a FIFO; expected a file");
        fs::remove_file(&path).unwrap();

        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert_eq!(message(), "this is a device; expected a file");
        fs::remove_file(&path).unwrap();

        std::os::unix::fs::symlink(&path, &path).unwrap();
        assert!(
            message().starts_with("the file cannot be read: "),
            "{}",
            message()
        );
    }
}

#[test]
fn file_over_the_limit_is_refused_unread() {
    let folder = tempfile::tempdir().unwrap();
    for (name, limit, message) in [
        (
            "sessions.toml",
            4 << 20,
            "the file is larger than 4 MiB, the limit for TOML; use JSON for more",
        ),
        (
            "sessions.json",
            512 << 20,
            "the file is larger than 512 MiB, the limit for JSON",
        ),
    ] {
        let path = folder.path().join(name);
        assert_eq!(Format::from_path(&path).unwrap().max_bytes(), limit);
        let file = fs::File::create(&path).unwrap();
        file.set_len(limit + 1).unwrap();
        let error = SessionFile::read(&path).unwrap_err();
        assert_eq!(error.to_string(), format!("{}: {message}", path.display()));
    }
}

#[test]
fn deep_nesting_is_refused_without_overflow() {
    const DEPTH: usize = 100_000;
    let nested = |open: &str, close: &str| open.repeat(DEPTH) + "1" + &close.repeat(DEPTH);
    for text in [
        format!("a = {}", nested("[", "]")),
        format!("a = {}", nested("{a=", "}")),
        format!("[{}a]", "a.".repeat(DEPTH)),
        format!("{}a = 1", "a.".repeat(DEPTH)),
        format!("[sessions.a.labels]\nb = {}", nested("[", "]")),
    ] {
        parse(&text, Format::Toml);
    }
    for text in [
        nested("[", "]"),
        format!("{{\"a\": {}}}", nested("[", "]")),
        nested("{\"a\":", "}"),
        format!("{{\"a\": {{\"Labels\": {}}}}}", nested("{\"b\":", "}")),
        "{\"a\":".repeat(DEPTH),
    ] {
        parse(&text, Format::Json);
    }
}

const PYTHON: &str = "this looks like Python; expected JSON: the dictionary alone, strings in double quotes, null for None, and no comma after the last entry";
const SESSION: &str = r#"expected an object with one entry for each session, such as {"console": {"Host": "ws-17.dcv.example", "HttpPort": 8443}}"#;

#[test]
fn file_of_another_kind_is_named_for_what_it_is() {
    let list = format!(
        "f:1:1: this looks like the output of `dcv list-sessions --json`, which names neither hosts nor ports; `dcv-resolver import --host` imports it into a registry; {SESSION}"
    );
    let describe = format!(
        "f:1:1: this looks like the output of DescribeSessions of the Session Manager Broker; `dcv-resolver import` imports it into a registry; {SESSION}"
    );
    for (text, format, line) in [
        (
            "dcv_sessions = {\n  'console': {\n    'Host': 'h',\n  },\n}\n",
            Format::Json,
            format!("f:1:1: {PYTHON}"),
        ),
        (
            "{\n  'console': {'Host': 'h', 'HttpPort': 8443}}",
            Format::Json,
            format!("f:2:3: {PYTHON}"),
        ),
        (
            r#"{"it's \"None\"": {"Host": "h", "HttpPort": 1, "QuicPort": None}}"#,
            Format::Json,
            format!("f:1:60: {PYTHON}"),
        ),
        (
            r#"[{"id":"s1","owner":"ann","type":"virtual","x11-display":":2"}]"#,
            Format::Json,
            list,
        ),
        (
            r#"{"RequestId": "r", "Sessions": [{"Id": "a"}], "NextToken": null}"#,
            Format::Json,
            describe,
        ),
        (
            "\n[sessions.a]\nhost = 'h'\n",
            Format::Json,
            "f:2:1: this looks like TOML; name the file with the extension .toml".to_owned(),
        ),
        (
            r#"{"a": {"Host": "h", "HttpPort": 1}}"#,
            Format::Toml,
            "f:1:1: this looks like JSON; name the file with the extension .json".to_owned(),
        ),
    ] {
        assert_lines(text, format, &[line.as_str()]);
    }
}

/// A session may have the name of a field of DescribeSessions.
#[test]
fn session_with_the_name_of_another_format_is_a_session() {
    let text =
        r#"{"Sessions": {"Host": "h", "HttpPort": 1}, "None": {"Host": "h", "HttpPort": 1}}"#;
    let file = SessionFile::parse(text, Format::Json, "f").unwrap();
    assert_eq!(file.sessions().len(), 2);
}

#[test]
fn seconds_in_the_place_of_milliseconds_are_refused() {
    for (seconds, date) in [
        (1_893_553_445, "1970-01-22T21:59:13.445Z"),
        (0, "1970-01-01T00:00:00Z"),
    ] {
        let text = format!(
            "is {seconds}: a time before 2001 ({date}); expected milliseconds since 1970-01-01T00:00:00Z, not seconds"
        );
        assert_lines(
            &toml_with(&format!("http_port = 1\nexpires_at_ms = {seconds}")),
            Format::Toml,
            &[&format!("f:4:17: `expires_at_ms` {text}")],
        );
        assert_lines(
            &json_with(&format!(r#""HttpPort": 1, "ExpiresAtMs": {seconds}"#)),
            Format::Json,
            &[&format!("f:2:33: `ExpiresAtMs` {text}")],
        );
    }
}

/// As DescribeSessions of the broker reports it for QUIC.
#[test]
fn empty_web_url_path_is_the_root() {
    let text = r#"{"a": {"Host": "h", "HttpPort": 1, "WebUrlPath": ""}}"#;
    let file = SessionFile::parse(text, Format::Json, "f").unwrap();
    assert_eq!(file.sessions()[0].web_url_path().as_str(), "/");
}

#[test]
fn diagnostic_of_a_pattern() {
    let with = |lines: &str| format!("[[patterns]]\n{lines}\n");
    for (lines, expected) in [
        (
            "match = 1\nhost = 'h'\nhttp_port = 1",
            &["f:2:9: `match` is an integer; expected a string"][..],
        ),
        (
            "match = 'a('\nhost = 'h'\nhttp_port = 1",
            &["f:2:9: `match` is \"a(\": unclosed group"],
        ),
        (
            "match = 'a)|(b'\nhost = 'h'\nhttp_port = 1",
            &["f:2:9: `match` is \"a)|(b\": unopened group"],
        ),
        (
            "match = 'a'\nhost = '{x}.example'\nhttp_port = 1",
            &[
                "f:3:8: `host` is \"{x}.example\": `match` has no group \"x\"; {0} is the whole id, {1} the first group",
            ],
        ),
        (
            "match = 'a'\nhost = '{0'\nhttp_port = 1",
            &[
                "f:3:8: `host` is \"{0\": a brace has no counterpart; {name} stands for the group (?<name>…) of `match`",
            ],
        ),
        (
            "match = 'a'\nhost = 'https://h'\nhttp_port = 0\nquic_port = '65536'",
            &[
                "f:3:8: `host` is \"https://h\": a host is a bare DNS name or IP address, without the scheme",
                "f:4:13: `http_port` is 0: a port is a number from 1 to 65535",
                "f:5:13: `quic_port` is \"65536\": a port is a number from 1 to 65535",
            ],
        ),
        (
            "match = 'a'",
            &[
                "f:1:1: the pattern has no `host`",
                "f:1:1: the pattern has neither `http_port` nor `quic_port`; expected at least one",
            ],
        ),
        (
            "match = 'a'\nhots = 'h'\nhost = 'h'\nhttp_port = 1\nowner = 'ann'",
            &[
                "f:3:1: unknown field \"hots\"; did you mean `host`?",
                "f:6:1: unknown field \"owner\"; expected one of match, host, target_id, http_port, quic_port, web_url_path",
            ],
        ),
    ] {
        assert_lines(&with(lines), Format::Toml, expected);
    }
    assert_lines(
        "patterns = 1",
        Format::Toml,
        &["f:1:12: `patterns` is an integer; expected tables, [[patterns]]"],
    );
    assert_lines(
        "patterns = [1]",
        Format::Toml,
        &["f:1:13: a pattern is an integer; expected a table, [[patterns]]"],
    );
    let many = with("match = 'a'\nhost = 'h'\nhttp_port = 1").repeat(101);
    assert_lines(
        &many,
        Format::Toml,
        &["f:401:1: there are more than 100 patterns, the limit"],
    );
}
