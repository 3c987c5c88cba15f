//! Secrets that others could read: files with a wide mode, and the command line.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::pki::{Ca, NAME, issue_server};
use crate::support::{Finished, Folder, dcv_resolver};

const CONFIG: &str = "[[stores]]\nname = \"agents\"\nurl = \"memory:\"\n\
     [tls]\ncertificate_file = \"cert.pem\"\nkey_file = \"key.pem\"\n\
     [admin]\ntokens_file = \"tokens\"\n";
const TOKENS: &str = "agents read-write tr0ub4dor-aaaaaaaaaaaaaaaaaaaaaaaaaa\n";
const NAMES: [&str; 4] = ["resolver.toml", "cert.pem", "key.pem", "tokens"];

/// Files that only their owner and group may read.
fn folder() -> Folder {
    let folder = Folder::new(CONFIG);
    issue_server(&Ca::new("all"), &folder, &[NAME]);
    folder.write("tokens", TOKENS);
    for name in NAMES {
        set_mode(&folder, name, 0o640);
    }
    folder
}

fn set_mode(folder: &Folder, name: &str, mode: u32) {
    fs::set_permissions(folder.path(name), Permissions::from_mode(mode)).unwrap();
}

/// Returns the warnings about files, without the folder.
fn warnings(text: &str, folder: &Folder) -> Vec<String> {
    let prefix = format!("{}/", folder.path("").display());
    let text = text.replace(&prefix.replace("//", "/"), "");
    let lines = text.lines().filter(|line| line.contains("every user"));
    lines.map(str::to_owned).collect()
}

#[test]
fn check_warns_of_files_that_every_user_can_read_or_write() {
    let folder = folder();
    let found = || warnings(&folder.run("check").stdout, &folder);
    assert_eq!(found(), [""; 0]);
    // Certificates and a configuration without passwords are public.
    for name in NAMES {
        set_mode(&folder, name, 0o644);
    }
    assert_eq!(
        found(),
        [
            "warn  files: every user of this machine can read key.pem, which holds a private key (mode 0644); run 'chmod o-r key.pem'",
            "warn  files: every user of this machine can read tokens, which holds bearer tokens (mode 0644); run 'chmod o-r tokens'",
        ]
    );
    for name in NAMES {
        set_mode(&folder, name, 0o666);
    }
    let found = found();
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(
        found[0].contains("can write resolver.toml (mode 0666)"),
        "{found:?}"
    );
    assert!(found[2].contains("can read and write key.pem"), "{found:?}");
    assert!(found[2].ends_with("'chmod o-rw key.pem'"), "{found:?}");
}

#[test]
fn password_in_a_configuration_that_every_user_can_read_is_a_warning() {
    let folder = Folder::new(
        "time_budget_ms = 100\n[[stores]]\nname = \"a\"\nurl = \"redis://:tr0ub4dor@127.0.0.1:1\"\n",
    );
    set_mode(&folder, "resolver.toml", 0o644);
    let stdout = folder.run("check").stdout;
    let found = warnings(&stdout, &folder);
    assert_eq!(found.len(), 1, "{stdout}");
    assert!(
        found[0].contains("which holds the password of a store"),
        "{stdout}"
    );
    assert!(!stdout.contains("tr0ub4dor"), "{stdout}");
}

#[test]
fn serve_warns_at_the_start_at_a_reload_and_when_a_file_changes() {
    let folder = folder();
    set_mode(&folder, "key.pem", 0o644);
    let serving = folder.serve();
    serving.change("config", "ok", || serving.signal("HUP"));
    serving.change("tokens", "ok", || {
        set_mode(&folder, "tokens", 0o604);
        fs::write(folder.path("tokens"), format!("{TOKENS}# more\n")).unwrap();
    });
    let log = serving.stop().stderr;
    let found = warnings(&log, &folder);
    // The start is not in the log that is returned here.
    let has = |name: &str| {
        found
            .iter()
            .any(|line| line.contains(&format!("can read {name},")))
    };
    assert!(has("key.pem"), "{log}");
    assert!(has("tokens"), "{log}");
}

#[test]
fn lease_token_comes_from_a_file_or_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let run = |arguments: &[&str], variable: &str, input: &str| -> Finished {
        let mut command = dcv_resolver(&[arguments, &["--store", &store]].concat());
        command.env("DCV_RESOLVER_LEASE_TOKEN", variable);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may not read its input.
        let _written = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap().into()
    };
    let register = [
        "register",
        "ann",
        "--host",
        "ws-1.dcv.example",
        "--http-port",
        "8443",
        "--never-expires",
    ];
    let registered = run(&register, "", "");
    let token = registered.stdout.as_str();
    assert_eq!(token.trim().len(), 32, "{}", registered.stderr);

    let file = folder.path().join("token");
    fs::write(&file, format!("{}\r\n", token.trim())).unwrap();
    let from_file = [
        "renew",
        "ann",
        "--never-expires",
        "--token-file",
        file.to_str().unwrap(),
    ];
    let from_stdin = ["renew", "ann", "--never-expires", "--token-file", "-"];
    let renew = ["renew", "ann", "--never-expires"];
    for finished in [
        run(&from_file, "", ""),
        run(&from_stdin, "", token),
        run(&renew, token, ""),
    ] {
        assert_eq!(finished.exit_code, Some(0), "{}", finished.stderr);
    }

    let missing = run(&renew, "", "");
    assert_eq!(
        missing.stderr,
        "dcv-resolver: the lease token that register printed is missing; give --token-file FILE, or set DCV_RESOLVER_LEASE_TOKEN\n"
    );
    let invalid = run(&renew, "tr0ub4dor", "");
    assert!(
        invalid.stderr.contains("DCV_RESOLVER_LEASE_TOKEN: "),
        "{}",
        invalid.stderr
    );
    let invalid = run(&["deregister", "ann", "--token", "tr0ub4dor"], "", "");
    assert!(!invalid.stderr.contains("tr0ub4dor"), "{}", invalid.stderr);
    let gone = run(
        &["deregister", "ann", "--token-file", "/nowhere/token"],
        "",
        "",
    );
    assert!(
        gone.stderr.contains(
            "cannot read the lease token in /nowhere/token: there is no directory /nowhere"
        ),
        "{}",
        gone.stderr
    );
    assert_eq!(run(&["deregister", "ann"], token, "").exit_code, Some(0));
}

#[test]
fn password_on_the_command_line_is_a_warning() {
    let folder = Folder::new("time_budget_ms = 100\n");
    let store = "redis://:tr0ub4dor@127.0.0.1:1";
    for store in [
        store,
        "valkey://:tr0ub4dor@127.0.0.1:1",
        "redis+unix:///run/no.sock?pass=tr0ub4dor",
    ] {
        let mut command = folder.command(&["check", "--store", store]);
        let given = Finished::from(command.output().unwrap());
        assert!(
            given.stdout.contains("can see the password of --store"),
            "{store}: {}",
            given.stdout
        );
        assert!(!given.stdout.contains("tr0ub4dor"), "{}", given.stdout);
    }
    let mut command = folder.command(&["check"]);
    let in_variable = Finished::from(command.env("DCV_RESOLVER_STORE", store).output().unwrap());
    assert!(
        !in_variable.stdout.contains("can see the password"),
        "{}",
        in_variable.stdout
    );
}

/// A log that is read from the start on.
#[test]
fn serve_warns_of_a_wide_mode_before_it_listens() {
    let folder = folder();
    set_mode(&folder, "tokens", 0o644);
    let mut command = folder.command(&["serve", "--listen", "192.0.2.1:9"]);
    let finished = Finished::from(command.output().unwrap());
    assert_eq!(finished.exit_code, Some(2));
    assert_eq!(
        warnings(&finished.stderr, &folder).len(),
        1,
        "{}",
        finished.stderr
    );
}
