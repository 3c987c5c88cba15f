//! The configuration: where it comes from, and what overrides what.

use std::fs;
use std::path::Path;

use crate::support::{Finished, Serving, dcv_resolver, run};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dcv-resolver.toml");

/// Runs without the variables that keep tests apart.
fn check(path: &Path, flags: &[&str], variables: &[(&str, &str)]) -> Finished {
    let mut command = dcv_resolver(&["check", "--config", path.to_str().unwrap()]);
    command
        .args(flags)
        .env_remove("DCV_RESOLVER_OPS_LISTEN")
        .env_remove("DCV_RESOLVER_DRAIN_MS")
        .envs(variables.iter().copied());
    command.output().unwrap().into()
}

#[test]
fn example_is_a_valid_configuration() {
    let finished = check(Path::new(EXAMPLE), &[], &[]);
    assert_eq!(finished.exit_code, Some(0), "{}", finished.stderr);
    assert!(
        finished.stdout.contains("\nok    store desktops: "),
        "{}",
        finished.stdout
    );
}

/// Whatever the example does not set it shows with its default.
#[test]
fn example_shows_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = concat!(env!("CARGO_MANIFEST_DIR"), "/../sessions.toml");
    let path = folder.path().join("resolver.toml");
    let store = format!("[[stores]]\nname = \"desktops\"\nurl = \"file:{sessions}\"\n");
    fs::write(&path, store).unwrap();
    let lines = |path: &Path| {
        let stdout = check(path, &[], &[]).stdout;
        let checks = stdout.lines().filter(|line| !line.contains(".toml"));
        checks.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines(Path::new(EXAMPLE)), lines(&path));
}

#[test]
fn flag_overrides_variable_and_variable_overrides_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resolver.toml");
    let store = "[[stores]]\nname = \"of-the-file\"\nurl = \"memory:\"\n";
    let rows = [
        // What `check` calls it; the flag; key and value of the file; what the
        // environment says; what the flag says; what holds without any.
        (
            "listen: ",
            "--listen",
            "listen = \"127.0.0.1:1\"",
            "127.0.0.1:2",
            "127.0.0.1:3",
            "127.0.0.1:9000",
            "127.0.0.1:1",
        ),
        (
            "operators: ",
            "--ops-listen",
            "ops.listen = \"127.0.0.1:1\"",
            "off",
            "[::1]:3",
            "127.0.0.1:9001",
            "127.0.0.1:1",
        ),
        (
            "time budget: ",
            "--time-budget-ms",
            "time_budget_ms = 1",
            "2",
            "3",
            "1000 ms",
            "1",
        ),
        (
            "shutdown: ",
            "--drain-ms",
            "shutdown.drain_ms = 1",
            "2",
            "3",
            "5000 ms drain",
            "1",
        ),
        (
            "log: ",
            "--log-format",
            "log.format = \"json\"",
            "text",
            "auto",
            "auto, info",
            "json",
        ),
        (
            "log: auto, ",
            "--log-level",
            "log.level = \"warn\"",
            "error",
            "debug",
            "info",
            "warn",
        ),
    ];
    for (title, flag, in_file, in_variable, in_flag, default, of_file) in rows {
        let variable = format!(
            "DCV_RESOLVER_{}",
            flag[2..].to_uppercase().replace('-', "_")
        );
        let holds = |file: &str, flags: &[&str], variables: &[(&str, &str)], expected: &str| {
            fs::write(&path, format!("{file}\n{store}")).unwrap();
            let finished = check(&path, flags, variables);
            let start = format!("\nok    {title}{expected}");
            assert!(
                finished.stdout.contains(&start),
                "{file} {flags:?} {variables:?}: {start} in {}{}",
                finished.stdout,
                finished.stderr
            );
        };
        holds("", &[], &[], default);
        holds(in_file, &[], &[], of_file);
        holds(in_file, &[], &[(&variable, in_variable)], in_variable);
        holds(
            in_file,
            &[flag, in_flag],
            &[(&variable, in_variable)],
            in_flag,
        );
        holds("", &[flag, in_flag], &[], in_flag);
    }
}

#[test]
fn rust_log_overrides_the_file_and_not_our_variable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resolver.toml");
    fs::write(
        &path,
        "log.level = \"warn\"\n[[stores]]\nname = \"a\"\nurl = \"memory:\"\n",
    )
    .unwrap();
    for (variables, expected) in [
        (&[("RUST_LOG", "trace")][..], "trace"),
        (&[("RUST_LOG", "")], "warn"),
        (
            &[("RUST_LOG", "trace"), ("DCV_RESOLVER_LOG_LEVEL", "error")],
            "error",
        ),
    ] {
        let stdout = check(&path, &[], variables).stdout;
        assert!(
            stdout.contains(&format!("log: auto, {expected}\n")),
            "{stdout}"
        );
    }
}

#[test]
fn store_flag_replaces_the_stores_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resolver.toml");
    fs::write(
        &path,
        "[admin]\ntokens_file = \"t\"\nstore = \"b\"\n[[stores]]\nname = \"a\"\nurl = \"memory:\"\n[[stores]]\nname = \"b\"\nurl = \"memory:\"\n",
    )
    .unwrap();
    let stores = |finished: Finished| {
        let lines = finished.stdout.lines().map(str::to_owned);
        lines
            .filter(|line| line.contains(" store "))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        stores(check(&path, &[], &[])),
        [
            "ok    store a: memory: answers",
            "ok    store b: memory: answers"
        ]
    );
    let replaced = ["ok    store memory:: memory: answers"];
    assert_eq!(stores(check(&path, &["--store", "memory:"], &[])), replaced);
    assert_eq!(
        stores(check(&path, &[], &[("DCV_RESOLVER_STORE", "memory:")])),
        replaced
    );
}

#[test]
fn relative_paths_are_relative_to_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resolver.toml");
    fs::write(
        &path,
        "[[stores]]\nname = \"a\"\nurl = \"file:sub/sessions.toml\"\n",
    )
    .unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    let sessions = folder.path().join("sub/sessions.toml");
    fs::write(&sessions, "[sessions]\n").unwrap();
    let finished = check(&path, &[], &[]);
    let expected = format!(
        "ok    store a: file:{} holds 0 sessions\n",
        sessions.display()
    );
    assert!(finished.stdout.contains(&expected), "{}", finished.stdout);
}

#[test]
fn check_continues_after_a_failure_and_exits_with_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resolver.toml");
    fs::write(
        folder.path().join("bad.toml"),
        "[sessions.a]\nhots = \"x\"\n",
    )
    .unwrap();
    fs::write(
        &path,
        "time_budget_ms = 500\n\
         [[stores]]\nname = \"bad\"\nurl = \"file:bad.toml\"\n\
         [[stores]]\nname = \"gone\"\nurl = \"sqlite:gone.db\"\n\
         [[stores]]\nname = \"down\"\nurl = \"redis://:tr0ub4dor@127.0.0.1:1\"\n\
         [[stores]]\nname = \"good\"\nurl = \"memory:\"\n",
    )
    .unwrap();
    let finished = check(&path, &[], &[]);
    assert_eq!(finished.exit_code, Some(1));
    for expected in [
        "FAIL  store bad: ",
        "bad.toml:2:1: unknown field \"hots\"; did you mean `host`?",
        "FAIL  store gone: sqlite:",
        "there is no database file",
        "; import or register creates it\n",
        "FAIL  store down: redis at 127.0.0.1:1: the store cannot be reached",
        "ok    store good: memory: answers",
    ] {
        assert!(
            finished.stdout.contains(expected),
            "{expected} in {}",
            finished.stdout
        );
    }
    assert!(
        finished.stderr.starts_with("dcv-resolver: 3 of "),
        "{}",
        finished.stderr
    );
    assert!(
        !finished.stdout.contains("tr0ub4dor"),
        "{}",
        finished.stdout
    );
}

#[test]
fn config_schema_prints_the_schema_of_the_repository() {
    let finished = run(&["config-schema"]);
    assert_eq!(finished.exit_code, Some(0));
    let kept = include_str!("../../dcv-resolver.schema.json");
    assert!(finished.stdout == kept, "{}", finished.stdout);
    let schema: serde_json::Value = serde_json::from_str(kept).unwrap();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    let first = fs::read_to_string(EXAMPLE).unwrap();
    let named = first
        .lines()
        .next()
        .unwrap()
        .strip_prefix("#:schema ./")
        .unwrap();
    assert!(
        Path::new(EXAMPLE).with_file_name(named).is_file(),
        "{named}"
    );
}

#[test]
fn serve_reads_its_configuration_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resolver.toml");
    let sessions = concat!(env!("CARGO_MANIFEST_DIR"), "/../sessions.toml");
    fs::write(
        &path,
        format!(
            "listen = \"127.0.0.1:0\"\n[[stores]]\nname = \"desktops\"\nurl = \"file:{sessions}\"\n"
        ),
    )
    .unwrap();
    let mut command = dcv_resolver(&["serve"]);
    command.env("DCV_RESOLVER_CONFIG", &path);
    let serving = Serving::spawn(command);
    let answer = serving.post("/resolveSession?sessionId=console");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let log = serving.stop().stderr;
    assert!(log.contains("\"store\":\"desktops\""), "{log}");
}

/// What is commented out in the example is valid too, and every key is in it.
#[test]
fn example_has_every_key() {
    fn keys(schema: &serde_json::Value, found: &mut Vec<String>) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            found.push(name.clone());
            keys(property, found);
            keys(&property["items"], found);
        }
    }
    let is_setting = |line: &str| {
        let key = line.split([' ', '=']).next().unwrap();
        line.starts_with('[') || line.starts_with(&format!("{key} = "))
    };
    let text: String = fs::read_to_string(EXAMPLE)
        .unwrap()
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(setting) if is_setting(setting) => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let mut known = Vec::new();
    keys(
        &serde_json::from_str(include_str!("../../dcv-resolver.schema.json")).unwrap(),
        &mut known,
    );
    assert!(known.len() > 30, "{known:?}");
    for key in known {
        let stands = |line: &str| {
            line.starts_with(&format!("{key} = "))
                || line.trim_matches(['[', ']']).split('.').any(|it| it == key)
        };
        assert!(text.lines().any(stands), "{key} is not in the example");
    }

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resolver.toml");
    let text = if cfg!(feature = "otel") {
        text
    } else {
        text.replace("otlp_endpoint = ", "# ")
    };
    fs::write(&path, text).unwrap();
    // It opens nothing.
    let finished = run(&[
        "gateway-config",
        "--url-host",
        "resolver.example",
        "--config",
        path.to_str().unwrap(),
    ]);
    assert_eq!(finished.exit_code, Some(0), "{}", finished.stderr);
}
