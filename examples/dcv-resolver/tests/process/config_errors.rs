//! Errors in a configuration: each with its place, what was found and what was
//! expected, and all at once.

use std::fs;
use std::process::Stdio;

use crate::support::{Finished, dcv_resolver, run};

/// Runs `check` on the file, and removes the path before each line.
fn check(text: &str) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resolver.toml");
    fs::write(&path, text).unwrap();
    let output = dcv_resolver(&["check", "--config", path.to_str().unwrap()]).output();
    let mut finished = Finished::from(output.unwrap());
    finished.stderr = finished.stderr.replace(&format!("{}:", path.display()), "");
    finished
}

const STORE: &str = "[[stores]]\nname = \"a\"\nurl = \"memory:\"\n";

/// Each is alone in its file, so it is the only one reported.
const MISTAKES: &[(&str, &str)] = &[
    // Keys that there are not.
    (
        "lisen = 1\n",
        "1:1: unknown key \"lisen\" at the top; did you mean `listen`?",
    ),
    (
        "Time-Budget-Ms = 1\n",
        "1:1: unknown key \"Time-Budget-Ms\" at the top; did you mean `time_budget_ms`?",
    ),
    (
        "[tsl]\n",
        "1:2: unknown key \"tsl\" at the top; did you mean `tls`?",
    ),
    (
        "max_connections = 5\n",
        "1:1: unknown key \"max_connections\" at the top; it belongs in [limits]",
    ),
    (
        "[ops]\ntime_budget_ms = 5\n",
        "2:1: unknown key \"time_budget_ms\" in [ops]; it belongs at the top, above the first [section] or in [[stores]]",
    ),
    (
        "[ops]\ncolour = 5\n",
        "2:1: unknown key \"colour\" in [ops]; expected `listen` or `tls`",
    ),
    (
        "[limits]\nmax_in_fligth = 5\n",
        "2:1: unknown key \"max_in_fligth\" in [limits]; did you mean `max_in_flight`?",
    ),
    (
        "[policy.client_networks]\nunknown_client = \"deny\"\nload_balancer = []\n",
        "3:1: unknown key \"load_balancer\" in [policy.client_networks]; did you mean `load_balancers`?",
    ),
    // Known elsewhere, and nearly known here.
    (
        "[tls]\ncertificate_file = \"c\"\nkey_file = \"k\"\ncert-key-file = \"k\"\n",
        "4:1: unknown key \"cert-key-file\" in [tls]; did you mean `key_file`?",
    ),
    (
        "[[store]]\nurl = \"memory:\"\n",
        "1:3: unknown key \"store\" at the top; did you mean `stores`? `store` belongs in [admin]",
    ),
    // Values that do not fit.
    (
        "listen = \"localhost\"\n",
        "1:10: `listen` is \"localhost\": expected an IP address or a name and a port, such as 127.0.0.1:9000, [::1]:9000 or localhost:9000, or unix: and a path",
    ),
    (
        "listen = 9000\n",
        "1:10: `listen` is a number; expected a string in quotes",
    ),
    (
        "time_budget_ms = 0\n",
        "1:18: `time_budget_ms` is 0; expected a whole number of milliseconds from 1 to 60000",
    ),
    (
        "time_budget_ms = \"1s\"\n",
        "1:18: `time_budget_ms` is a string; expected a whole number of milliseconds from 1 to 60000",
    ),
    (
        "time_budget_ms = 0.5\n",
        "1:18: `time_budget_ms` is a number with a fraction; expected a whole number of milliseconds from 1 to 60000",
    ),
    (
        "time_budget_ms = 99999999999999999999\n",
        "1:18: `time_budget_ms` is 99999999999999999999; expected a whole number of milliseconds from 1 to 60000",
    ),
    (
        "ops.listen = \"of\"\n",
        "1:14: `ops.listen` is \"of\": expected an IP address or a name and a port, such as 127.0.0.1:9000, [::1]:9000 or localhost:9000, or unix: and a path; or off",
    ),
    (
        "tls = true\n",
        "1:7: `tls` is true or false; expected a table",
    ),
    (
        "[tls]\ncertificate_file = \"a.pem\"\n",
        "1:1: there is no `key_file` in [tls]",
    ),
    (
        "[tls]\ncertificate_file = \"\"\nkey_file = \"k\"\n",
        "2:20: `tls.certificate_file` is empty; expected a path in quotes",
    ),
    (
        "callers.allowed_networks = []\n",
        "1:28: `callers.allowed_networks` is an empty list; expected a list of one string or more in square brackets",
    ),
    (
        "callers.allowed_networks = \"192.0.2.0/24\"\n",
        "1:28: `callers.allowed_networks` is a string; expected a list of one string or more in square brackets",
    ),
    (
        "callers.allowed_networks = [\"192.0.2.7\", \"192.0.2.7/24\"]\n",
        "1:42: `callers.allowed_networks` is \"192.0.2.7/24\": the address has bits set beyond its prefix; write 192.0.2.0/24 for the network or 192.0.2.7 for the address",
    ),
    (
        "callers.allowed_networks = [\"192.0.2.0/33\"]\n",
        "1:29: `callers.allowed_networks` is \"192.0.2.0/33\": not a network: expected an address and the length of its prefix, such as 192.0.2.0/24 or 2001:db8::/32",
    ),
    (
        "[policy.client_networks]\n",
        "1:1: there is no `unknown_client` in [policy.client_networks]",
    ),
    (
        "[policy.client_networks]\nunknown_client = \"denied\"\n",
        "2:18: `policy.client_networks.unknown_client` is \"denied\"; expected \"allow\" or \"deny\"; did you mean \"deny\"?",
    ),
    (
        "[policy.client_networks]\nunknown_client = \"deny\"\nsessions = { \"\" = [] }\n",
        "3:14: in [policy.client_networks.sessions] \"\": a session id must not be empty",
    ),
    (
        "[policy.client_networks]\nunknown_client = \"deny\"\nlabels = { cad = [] }\n",
        "3:12: in [policy.client_networks.labels] \"cad\": expected a label's name and value, such as \"project=cad\"",
    ),
    (
        "[policy.client_networks]\nunknown_client = \"deny\"\nlabels = { \"project=cad\" = [\"x\"] }\n",
        "3:29: `policy.client_networks.labels.\"project=cad\"` is \"x\": not a network: expected an address and the length of its prefix, such as 192.0.2.0/24 or 2001:db8::/32",
    ),
    (
        "log.format = \"jsn\"\n",
        "1:14: `log.format` is \"jsn\"; expected \"auto\", \"text\" or \"json\"; did you mean \"json\"?",
    ),
    (
        "log.level = \"loud\"\n",
        "1:13: `log.level` is \"loud\": expected a level (error, warn, info, debug, trace) or directives such as 'info,dcv_resolver=debug'",
    ),
    (
        "telemetry.otlp_endpoint = \"127.0.0.1:4318\"\n",
        "1:27: `telemetry.otlp_endpoint` is \"127.0.0.1:4318\": expected http:// and the collector's host and port, such as http://127.0.0.1:4318",
    ),
    (
        "[limits]\nburst = 5\n",
        "2:9: `limits.burst` has no effect without `limits.requests_per_second`; set both or neither",
    ),
    (
        "ops.listen = \"127.0.0.1:9000\"\n",
        "1:14: `ops.listen` is 127.0.0.1:9000, which `listen` uses for the gateways; set another port",
    ),
    (
        "ops.listen = \"[::]:9000\"\n",
        "1:14: `ops.listen` is [::]:9000, which `listen` uses for the gateways; set another port",
    ),
    (
        "listen = \"unix:/run/a.sock\"\nops.listen = \"unix:/run/a.sock\"\n",
        "2:14: `ops.listen` is unix:/run/a.sock, which `listen` uses for the gateways; set another path",
    ),
    (
        "listen = \"unix:/run/a.sock\"\ncallers.allowed_networks = [\"192.0.2.0/24\"]\n",
        "2:28: the callers of a Unix socket have no address; the permissions of its file and folder decide who may connect, so remove `callers.allowed_networks`",
    ),
    (
        "listen = \"0.0.0.0:9001\"\nops.listen = \"127.0.0.1:9001\"\n",
        "2:14: `ops.listen` is 127.0.0.1:9001, which `listen` uses for the gateways; set another port",
    ),
    (
        "[admin]\nstore = \"a\"\n",
        "1:1: there is no `tokens_file` in [admin]",
    ),
    (
        "[admin]\ntokens_file = \"t\"\nstore = \"agent\"\n",
        "3:9: there is no store \"agent\"; the stores are a",
    ),
    (
        "ops.listen = \"off\"\n[admin]\ntokens_file = \"t\"\n",
        "2:1: the admin API is on the listener for operators, and `ops.listen` is \"off\"",
    ),
    // What is no TOML.
    (
        "listen = \"127.0.0.1:9000\"\nlisten = \"127.0.0.1:9000\"\n",
        "2:1: duplicate key",
    ),
];

#[test]
fn each_error_is_one_sentence_with_its_place() {
    for (text, expected) in MISTAKES {
        let mut command = dcv_resolver(&["check"]);
        command.env_remove("DCV_RESOLVER_OPS_LISTEN");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resolver.toml");
        fs::write(&path, format!("{text}{STORE}")).unwrap();
        let output = command.arg("--config").arg(&path).output().unwrap();
        let finished = Finished::from(output);
        assert_eq!(
            finished.stderr,
            format!(
                "dcv-resolver: the configuration is invalid:\n{}:{expected}\n",
                path.display()
            ),
            "{text}"
        );
        assert_eq!(finished.exit_code, Some(1), "{text}");
        assert_eq!(finished.stdout, "", "{text}");
    }
}

#[test]
fn errors_in_stores_are_reported_with_their_places() {
    for (text, expected) in [
        (
            "",
            "there is no store; give --store URL, or add [[stores]] to a file",
        ),
        (
            "[stores]\nname = \"a\"\n",
            "1:1: `stores` is a table; expected an array of tables, each under [[stores]]",
        ),
        (
            "stores = [\"memory:\"]\n",
            "1:11: `stores` is a list with a string; expected an array of tables, each under [[stores]]",
        ),
        (
            "[[stores]]\nname = \"a\"\n",
            "1:1: there is no `url` in [[stores]]",
        ),
        (
            "[[stores]]\nurl = \"memory:\"\n",
            "1:1: there is no `name` in [[stores]]",
        ),
        (
            "[[stores]]\nname = \"a,b\"\nurl = \"memory:\"\n",
            "2:8: `stores.name` is \"a,b\": expected 1 to 64 letters, digits, '.', '-' or '_'",
        ),
        (
            "[[stores]]\nname = \"a\"\nurl = \"redis//cache\"\n",
            "3:7: `stores.url`: expected file:PATH, sqlite:PATH, redis://HOST:PORT (or rediss, redis+unix, redis+sentinel, redis+cluster), https://HOST:PORT or http://HOST:PORT of another resolver, or memory:",
        ),
        (
            "[[stores]]\nname = \"a\"\nurl = \"sqlite:a.db\"\ncache = \"on\"\n",
            "4:9: `stores.cache` is a string; expected true, false or a table",
        ),
        (
            "[[stores]]\nname = \"a\"\nurl = \"sqlite:a.db\"\ncache.bytes = 1\n",
            "4:7: unknown key \"bytes\" in [stores.cache]; did you mean `max_bytes`?",
        ),
        (
            "[[stores]]\nname = \"a\"\nurl = \"sqlite:a.db\"\ncache.max_bytes = 1\n",
            "4:19: `stores.cache.max_bytes` is 1; expected a whole number from 1048576 to 1099511627776",
        ),
        (
            "[[stores]]\nname = \"a\"\nurl = \"memory:\"\nlisten = \"127.0.0.1:1\"\n",
            "4:1: unknown key \"listen\" in [[stores]]; it belongs at the top, above the first [section] or in [ops]",
        ),
        (
            "[[stores]]\nname = \"a\"\nurl = \"memory:\"\n[[stores]]\nname = \"a\"\nurl = \"memory:\"\n",
            "5:8: there is already a store \"a\"; rename one",
        ),
        (
            "[admin]\ntokens_file = \"t\"\n[[stores]]\nname = \"a\"\nurl = \"memory:\"\n[[stores]]\nname = \"b\"\nurl = \"memory:\"\n",
            "1:1: [admin] needs `store`, since there is more than one: a, b",
        ),
        (
            "[admin]\ntokens_file = \"t\"\nstore = \"agnets\"\n[[stores]]\nname = \"agents\"\nurl = \"memory:\"\n",
            "3:9: there is no store \"agnets\"; did you mean \"agents\"?",
        ),
        (
            "[admin]\ntokens_file = \"t\"\n[[stores]]\nname = \"a\"\nurl = \"file:s.toml\"\n",
            "1:1: the store \"a\" is a session file, which is read-only; administer a sqlite: or redis: store",
        ),
        (
            "[admin]\ntokens_file = \"t\"\n[[stores]]\nname = \"a\"\nurl = \"https://a\"\n",
            "1:1: the store \"a\" is another resolver, which can only be asked; administer a sqlite: or redis: store",
        ),
        (
            "[[stores]]\nname = \"a\"\nurl = \"https://a:b\"\n",
            "3:7: `stores.url`: not a URL; expected https://HOST:PORT or http://HOST:PORT",
        ),
    ] {
        let finished = check(text);
        assert_eq!(
            finished.stderr.lines().last().map(str::trim_start),
            Some(expected),
            "{text}"
        );
        assert_eq!(finished.exit_code, Some(1), "{text}");
    }
}

#[test]
fn all_errors_of_a_file_are_reported_in_its_order() {
    let finished =
        check("time_budget_ms = 0\n[limits]\nburst = 0\ncolour = 1\n[[stores]]\nname = \"\"\n");
    let places: Vec<_> = finished
        .stderr
        .lines()
        .skip(1)
        .filter_map(|line| line.split(": ").next())
        .collect();
    assert_eq!(places, ["1:18", "3:9", "4:1", "5:1", "6:8"]);
}

/// One that follows from another is left out.
#[test]
fn an_error_hides_no_other_that_does_not_depend_on_it() {
    let admin = "[admin]\ntokens_file = \"t\"\nstore = \"b\"\n";
    let unknown = "there is no store \"b\"; the stores are a";
    for (text, expected) in [
        (
            format!("[limits]\ncolour = 1\n{admin}{STORE}"),
            Some(unknown),
        ),
        (
            format!("[limits]\nburst = 0\n{admin}{STORE}"),
            Some(unknown),
        ),
        (format!("lisen = 1\n{admin}{STORE}"), Some(unknown)),
        (format!("{admin}{STORE}cach = true\n"), Some(unknown)),
        (format!("{admin}{}", STORE.replace("stores", "store")), None),
        (
            format!("{admin}{STORE}url = 1\n").replace("url = \"memory:\"\n", ""),
            None,
        ),
        (
            format!("[limits]\nburst = 5\nrequests_per_secnd = 5\n{STORE}"),
            None,
        ),
        (
            format!("time_budget_ms = 0\n[limits]\nburst = 5\n{STORE}"),
            Some(
                "`limits.burst` has no effect without `limits.requests_per_second`; set both or neither",
            ),
        ),
    ] {
        let stderr = check(&text).stderr;
        let lines: Vec<_> = stderr.lines().skip(1).collect();
        assert_eq!(
            lines.len(),
            1 + usize::from(expected.is_some()),
            "{text}: {stderr}"
        );
        let found =
            expected.is_none_or(|expected| lines.iter().any(|line| line.ends_with(expected)));
        assert!(found, "{text}: {stderr}");
    }
}

#[test]
fn unreadable_file_is_reported_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("binary"), b"listen = \"\xff\"").unwrap();
    fs::write(path("huge"), vec![b'#'; (1 << 20) + 1]).unwrap();
    let fifo = std::process::Command::new("mkfifo")
        .arg(path("fifo"))
        .status();
    assert!(fifo.unwrap().success());
    for (name, reason) in [
        (
            "missing",
            "there is no such file; create it, or correct the path",
        ),
        (".", "it is a directory; name a file in it"),
        ("fifo", "it is not a regular file"),
        ("binary", "it is not UTF-8 text; save it as UTF-8"),
        (
            "huge",
            "it is larger than 1 MiB, the limit for this kind of file; name another file, or shorten it",
        ),
    ] {
        for command in ["check", "serve", "gateway-config"] {
            let path = path(name);
            let mut arguments = vec![command, "--config", &path];
            if command == "gateway-config" {
                arguments.extend(["--url-host", "resolver.example"]);
            }
            let finished = run(&arguments);
            assert_eq!(
                finished.stderr,
                format!("dcv-resolver: cannot read {path}: {reason}\n")
            );
            assert_eq!(finished.exit_code, Some(2), "{command} {name}");
        }
    }
}

#[test]
fn invalid_variable_is_reported_by_its_name() {
    for (variable, value, expected) in [
        (
            "DCV_RESOLVER_LISTEN",
            "9000",
            "invalid value '9000' for 'DCV_RESOLVER_LISTEN': expected an IP address",
        ),
        (
            "DCV_RESOLVER_TIME_BUDGET_MS",
            "1s",
            "invalid value '1s' for 'DCV_RESOLVER_TIME_BUDGET_MS': expected a whole number from 1 to 60000",
        ),
        (
            "DCV_RESOLVER_LOG_FORMAT",
            "xml",
            "invalid value 'xml' for 'DCV_RESOLVER_LOG_FORMAT' [possible values: auto, text, json]",
        ),
        (
            "RUST_LOG",
            "a=b=c",
            "RUST_LOG is \"a=b=c\": expected a level (error, warn",
        ),
    ] {
        let output = dcv_resolver(&["serve", "--store", "memory:"])
            .env(variable, value)
            .stdout(Stdio::null())
            .output();
        let finished = Finished::from(output.unwrap());
        assert_eq!(finished.exit_code, Some(2), "{variable}");
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    }
}

#[test]
fn password_is_never_printed() {
    let url = "redis://:tr0ub4dor-password@cache.example";
    for text in [
        format!("[[stores]]\nname = \"a\"\nurl = \"{url}:x\"\n"),
        format!("[[stores]]\nname = \"a\"\nurl = \"{url}\n"),
        format!("[[stores]]\nname = \"a\"\nurl = {url}\n"),
        format!("[[stores]]\nname = \"a\"\nurl = [\"{url}\"]\n"),
        format!("[[stores]]\nname = \"a\"\nur = \"{url}\"\n"),
        format!("[[stores]]\nname = \"a\"\nurl = \"{url}\"\nurl = \"{url}\"\n"),
        format!("{url}\n"),
        format!("stores = \"{url}\"\n"),
        format!(
            "[admin]\ntokens_file = \"t\"\nstore = \"b\"\n[[stores]]\nname = \"a\"\nurl = \"{url}\"\n"
        ),
    ] {
        let finished = check(&text);
        assert_eq!(finished.exit_code, Some(1), "{text}");
        assert!(
            !finished.stderr.contains("tr0ub4dor"),
            "{}",
            finished.stderr
        );
    }
}

#[test]
fn first_hundred_errors_are_listed_and_the_rest_counted() {
    let keys: String = (0..250)
        .map(|number| format!("x{} = 1\n", 1_000 - number))
        .collect();
    let stderr = check(&keys).stderr;
    let lines: Vec<_> = stderr.lines().skip(1).collect();
    assert_eq!(lines.len(), 101, "{stderr}");
    // In the order of the file; the parser sorts by key.
    assert!(
        lines[0]
            .trim_start()
            .starts_with("1:1: unknown key \"x1000\""),
        "{stderr}"
    );
    assert!(
        lines[99]
            .trim_start()
            .starts_with("100:1: unknown key \"x901\""),
        "{stderr}"
    );
    assert!(lines[100].ends_with("and 150 more"), "{stderr}");
}

#[test]
fn only_the_first_syntax_error_of_a_large_file_is_reported() {
    let stderr = check(&"=\n".repeat(40_000)).stderr;
    let lines: Vec<_> = stderr.lines().skip(1).collect();
    assert_eq!(lines.len(), 1, "{stderr}");
    assert!(lines[0].trim_start().starts_with("1:1: "), "{stderr}");
}
