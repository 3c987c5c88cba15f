//! Checks that every figure is measured, but not its value: figures from a
//! machine that runs tests mean nothing.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics on the first failure"
)]

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Each group, and the rows that it prints. `≤` stands where a target does.
const GROUPS: [(&str, &[&str]); 13] = [
    ("static", &["static file, whole request ≤"]),
    (
        "sqlite",
        &[
            "SQLite, cached, whole request ≤",
            "SQLite, uncached, whole request ",
        ],
    ),
    (
        "redis",
        &[
            "Redis, cached, whole request ≤",
            "Redis, uncached, whole request ",
            "a `GET` in a bare handler, whole request ",
        ],
    ),
    (
        "resolve",
        &[
            "`Resolver::resolve`, ns ≤",
            "`Resolver::resolve`, allocations ≤",
        ],
    ),
    (
        "scale",
        &[
            "1,000 → 1,500 sessions, static file ≤",
            "1,000 → 1,500 sessions, SQLite, cached ≤",
            "1,000 → 1,500 sessions, Redis, cached ≤",
            "1,000 → 1,500 sessions, a map in a bare handler ",
        ],
    ),
    ("memory", &["memory of a session, bytes ≤"]),
    (
        "reload",
        &[
            "reload under load, requests failed ≤",
            "reload under load, p99 ≤",
        ],
    ),
    (
        "registry",
        &[
            "SQLite, register among 1,000 ≤",
            "SQLite, register among 1,500 ≤",
            "SQLite, register, 1,000 → 1,500 sessions ",
            "SQLite, register through the admin API ≤",
            "SQLite, renew among 1,000 ≤",
            "SQLite, renew among 1,500 ≤",
            "SQLite, renew, 1,000 → 1,500 sessions ",
            "SQLite, renew through the admin API ≤",
            "SQLite, deregister among 1,000 ≤",
            "SQLite, deregister among 1,500 ≤",
            "SQLite, deregister, 1,000 → 1,500 sessions ",
            "SQLite, deregister through the admin API ≤",
            "SQLite, list among 1,000 ≤",
            "SQLite, list among 1,500 ≤",
            "SQLite, list, 1,000 → 1,500 sessions ",
            "SQLite, list through the admin API ≤",
            "SQLite, import among 1,000 ≤",
            "SQLite, import among 1,500 ≤",
            "SQLite, import, 1,000 → 1,500 sessions ",
            "SQLite, sweep among 1,000 ≤",
            "SQLite, sweep among 1,500 ≤",
            "SQLite, sweep, 1,000 → 1,500 sessions ",
            "SQLite, renewals beside gateways, p99 ≤",
            "SQLite, renewals beside gateways, lost ≤",
            "Redis, register among 1,000 ",
            "Redis, register among 1,500 ",
            "Redis, register, 1,000 → 1,500 sessions ≤",
            "Redis, register through the admin API ≤",
            "Redis, renew among 1,000 ≤",
            "Redis, renew among 1,500 ≤",
            "Redis, renew, 1,000 → 1,500 sessions ≤",
            "Redis, renew through the admin API ≤",
            "Redis, deregister among 1,000 ",
            "Redis, deregister among 1,500 ",
            "Redis, deregister, 1,000 → 1,500 sessions ≤",
            "Redis, deregister through the admin API ≤",
            "Redis, list among 1,000 ",
            "Redis, list among 1,500 ",
            "Redis, list, 1,000 → 1,500 sessions ≤",
            "Redis, list through the admin API ≤",
            "Redis, import among 1,000 ",
            "Redis, import among 1,500 ",
            "Redis, import, 1,000 → 1,500 sessions ≤",
            "Redis, sweep among 1,000 ",
            "Redis, sweep among 1,500 ",
            "Redis, sweep, 1,000 → 1,500 sessions ≤",
            "Redis, renewals beside gateways, p99 ≤",
            "Redis, renewals beside gateways, lost ≤",
        ],
    ),
    (
        "operators",
        &[
            "explanations beside gateways, p99 ≤",
            "metrics beside gateways, p99 ≤",
            "listings beside gateways, p99 ≤",
            "registrations and removals beside gateways, p99 ≤",
            "imports beside gateways, p99 ≤",
            "all of these beside gateways, p99 ≤",
        ],
    ),
    (
        "parse",
        &[
            "parse of 1,500 sessions, beside a `Value` ≤",
            "parse of 1,500 sessions, beside a map of plain structs ",
        ],
    ),
    ("log", &["JSON decision log to a file "]),
    ("tls", &["TLS keep-alive ≤"]),
    (
        "footprint",
        &[
            "idle memory, MB ≤",
            "cold start to first answer, ms ≤",
            "stripped binary, MB ≤",
        ],
    ),
];

/// Two rounds, so that there is a spread; everything on one core, since there
/// may be no other. Few connections: with many, a request that waits for
/// all others on a busy machine would exceed the time limit of the store.
fn bench() -> Command {
    bench_with("2", "0.3")
}

fn bench_with(rounds: &str, seconds: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dcv-resolver-bench"));
    command.args(["--rounds", rounds, "--seconds", seconds, "--many", "1500"]);
    command.args(["--connections", "4"]);
    command.args(["--server-core", "0", "--load-core", "0"]);
    command
}

/// Built beside it with the rest of the workspace.
fn resolver() -> PathBuf {
    let bench = Path::new(env!("CARGO_BIN_EXE_dcv-resolver-bench"));
    let resolver = bench.with_file_name("dcv-resolver");
    assert!(
        resolver.exists(),
        "{} is missing: cargo build -p dcv-resolver",
        resolver.display()
    );
    resolver
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// `name ≤` where it has a target, its figure fit to be read by a program.
fn row(line: &str) -> String {
    let cells: Vec<_> = line.split('|').map(str::trim).collect();
    let ["", name, target, figure, met, how, ""] = cells[..] else {
        panic!("{line}");
    };
    let numbers = figure
        .split(['(', ')', '–', ' '])
        .filter(|text| !text.is_empty());
    let numbers: Vec<f64> = numbers
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{line}")))
        .collect();
    assert!([1, 3].contains(&numbers.len()), "{line}");
    assert!(!how.is_empty(), "{line}");
    let Some(limit) = target.strip_prefix("≤ ") else {
        assert_eq!((target, met), ("", ""), "{line}");
        return format!("{name} ");
    };
    let is_met = numbers[0] <= limit.parse().unwrap();
    // Unless it was rounded to the limit.
    if numbers[0].to_string() != limit {
        assert_eq!(met, if is_met { "met" } else { "**missed**" }, "{line}");
    }
    format!("{name} ≤")
}

#[test]
#[ignore = "needs redis-server, strip and the ready binary"]
fn each_group_prints_its_rows_and_says_what_is_missed() {
    let resolver = resolver();
    // One by one: together they would keep any machine too busy to answer.
    for (group, expected) in GROUPS {
        let mut bench = match group {
            // They have many rows.
            "registry" | "operators" => bench_with("1", "0.1"),
            _ => bench(),
        };
        let output = bench.arg("--resolver").arg(&resolver).arg(group).output();
        let output = output.unwrap();
        let (table, errors) = said(&output);
        let mut lines = table.lines();
        assert!(
            lines.next().unwrap_or_default().starts_with("| what |"),
            "{group}: {table}{errors}"
        );
        lines.next();
        let rows: Vec<_> = lines
            .by_ref()
            .map_while(|line| (!line.is_empty()).then(|| row(line)))
            .collect();
        assert_eq!(rows, expected, "{table}{errors}");
        let has_missed = table.contains("**missed**");
        let closing = lines.next().unwrap_or_default();
        let says = if has_missed { "missed: " } else { "is met." };
        assert!(closing.contains(says), "{table}");
        assert_eq!(output.status.code(), Some(i32::from(has_missed)), "{table}");
    }
}

/// One sentence, nothing measured, and the status that says so.
fn assert_fails(command: &mut Command, sentence: &[&str]) {
    let output = command.output().unwrap();
    let (table, errors) = said(&output);
    assert_eq!(output.status.code(), Some(2), "{table}{errors}");
    assert!(!table.contains("whole request"), "{table}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    for words in sentence {
        assert!(errors.contains(words), "{errors}");
    }
}

/// A folder with these programs of the system, and no others.
fn programs(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = std::env::var_os("PATH").unwrap();
    for name in names {
        let found = std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|path| path.exists());
        symlink(found.unwrap(), folder.path().join(name)).unwrap();
    }
    folder
}

#[test]
fn a_tool_that_is_missing_is_named_before_anything_is_measured() {
    let none = programs(&[]);
    let mut without = bench();
    assert_fails(
        without.env("PATH", none.path()).arg("static"),
        &["taskset is needed", "apt-get install util-linux"],
    );
    let taskset = programs(&["taskset"]);
    for (group, tool) in [
        ("redis", "redis-server"),
        ("scale", "redis-server"),
        ("footprint", "strip"),
    ] {
        let mut without = bench();
        assert_fails(
            without.env("PATH", taskset.path()).arg(group),
            &[&format!("{tool} is needed for {group}"), "apt-get install"],
        );
    }
}

#[test]
fn a_core_or_a_resolver_that_is_not_there_is_named() {
    let mut elsewhere = Command::new(env!("CARGO_BIN_EXE_dcv-resolver-bench"));
    assert_fails(
        elsewhere.args(["--server-core", "9999", "static"]),
        &["core 9999", "--server-core"],
    );
    let mut without = bench();
    assert_fails(
        without.args(["--resolver", "/nowhere/dcv-resolver", "static"]),
        &["no resolver", "/nowhere/dcv-resolver"],
    );
}

/// The resolver, with something done to its folder before it serves.
fn spoilt(folder: &Path, what: &str) -> PathBuf {
    let resolver = resolver();
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = serve ]; then\n  for last; do :; done\n  cd \"$(dirname \"$last\")\" && {what}\nfi\nexec '{}' \"$@\"\n",
        resolver.display()
    );
    let path = folder.join("spoilt");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path
}

#[test]
#[ignore = "needs the ready binary"]
fn a_server_that_answers_wrongly_ends_the_measurement() {
    let folder = tempfile::tempdir().unwrap();
    // The first session alone is left.
    let resolver = spoilt(
        folder.path(),
        "{ head -n 2 sessions.json | sed 's/,$//'; echo '}'; } > fewer && mv fewer sessions.json",
    );
    let mut spoilt = bench();
    assert_fails(
        spoilt.arg("--resolver").arg(resolver).arg("static"),
        &["which it has, and answered", "404 Not Found"],
    );
}

#[test]
#[ignore = "needs the ready binary"]
fn server_that_does_not_start_is_reported_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let resolver = spoilt(folder.path(), "echo 'nonsense' >> resolver.toml");
    let mut spoilt = bench();
    assert_fails(
        spoilt.arg("--resolver").arg(resolver).arg("static"),
        &["the resolver has ended before it answered", "resolver.toml"],
    );
}
