//! Environment variables as tools set them.

use crate::support::{Finished, Folder, Serving};

fn folder() -> Folder {
    Folder::new("[[stores]]\nname = \"a\"\nurl = \"memory:\"\n")
}

fn check(variables: &[(&str, &str)]) -> Finished {
    let folder = folder();
    let mut command = folder.command(&["check"]);
    command.envs(variables.iter().copied());
    command.output().unwrap().into()
}

#[test]
fn empty_variables_count_as_not_set() {
    let finished = check(&[
        ("DCV_RESOLVER_LISTEN", ""),
        ("DCV_RESOLVER_STORE", ""),
        ("DCV_RESOLVER_TIME_BUDGET_MS", ""),
        ("DCV_RESOLVER_OPS_LISTEN", "\n"),
        ("DCV_RESOLVER_DRAIN_MS", ""),
        ("DCV_RESOLVER_LOG_FORMAT", ""),
        ("DCV_RESOLVER_LOG_LEVEL", ""),
        ("DCV_RESOLVER_CONFIG", ""),
        ("DCV_RESOLVER_LEASE_TOKEN", ""),
        ("RUST_LOG", ""),
    ]);
    assert_eq!(finished.exit_code, Some(0), "{}", finished.stderr);
    assert!(
        finished.stdout.contains("listen: 127.0.0.1:9000\n"),
        "{}",
        finished.stdout
    );
    assert!(
        finished.stdout.contains("operators: 127.0.0.1:9001\n"),
        "{}",
        finished.stdout
    );
    assert!(!finished.stdout.contains("warn "), "{}", finished.stdout);
}

#[test]
fn line_end_behind_a_value_is_dropped() {
    for end in ["\n", "\r\n"] {
        let values = [
            ("DCV_RESOLVER_LISTEN", "127.0.0.1:1"),
            ("DCV_RESOLVER_STORE", "memory:"),
            ("DCV_RESOLVER_TIME_BUDGET_MS", "2"),
            ("DCV_RESOLVER_OPS_LISTEN", "127.0.0.1:2"),
            ("DCV_RESOLVER_DRAIN_MS", "3"),
            ("DCV_RESOLVER_LOG_FORMAT", "json"),
            ("DCV_RESOLVER_LOG_LEVEL", "warn"),
        ];
        let values = values.map(|(name, value)| (name, format!("{value}{end}")));
        let values: Vec<_> = values
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let finished = check(&values);
        for found in [
            "listen: 127.0.0.1:1\n",
            "store memory:: memory: answers\n",
            "time budget: 2 ms\n",
            "operators: 127.0.0.1:2\n",
            "shutdown: 3 ms",
            "log: json, warn\n",
        ] {
            assert!(
                finished.stdout.contains(found),
                "{found}: {}{}",
                finished.stdout,
                finished.stderr
            );
        }
    }
}

#[test]
fn unknown_variable_is_a_warning_and_a_service_link_is_not() {
    let finished = check(&[
        ("DCV_RESOLVER_LISTN", "127.0.0.1:1"),
        ("DCV_RESOLVER_COLOUR", "blue"),
        ("DCV_RESOLVER_SERVICE_HOST", "192.0.2.7"),
        ("DCV_RESOLVER_SERVICE_PORT", "9000"),
        ("DCV_RESOLVER_PORT", "tcp://192.0.2.7:9000"),
        ("DCV_RESOLVER_PORT_9000_TCP_ADDR", "192.0.2.7"),
    ]);
    assert_eq!(finished.exit_code, Some(0), "{}", finished.stderr);
    let warnings: Vec<_> = finished
        .stdout
        .lines()
        .filter(|line| line.starts_with("warn"))
        .collect();
    assert_eq!(
        warnings,
        [
            "warn  environment: DCV_RESOLVER_COLOUR has no effect: there is no such variable; put the setting into the configuration file",
            "warn  environment: DCV_RESOLVER_LISTN has no effect; did you mean DCV_RESOLVER_LISTEN?",
        ]
    );
    let folder = folder();
    let mut command = folder.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("DCV_RESOLVER_PORT", "tcp://192.0.2.7:9000");
    Serving::spawn(command).stop();
}
