//! Sockets that a service manager passes.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Stdio;

use crate::client::ask;
use crate::support::{Folder, Serving, activated, dcv_resolver, run};

const SESSIONS: &str = concat!("file:", env!("CARGO_MANIFEST_DIR"), "/../sessions.toml");
const CONSOLE: &str = "POST /resolveSession?sessionId=console";

/// Serves on `sockets`, passed under these names as systemd does.
fn serve(names: &str, sockets: [TcpListener; 2]) -> Serving {
    let mut command = activated(
        names,
        &["serve", "--store", SESSIONS, "--listen", "192.0.2.1:1"],
    );
    let [first, second] = sockets.map(|socket| Stdio::from(OwnedFd::from(socket)));
    command.stdin(first).stdout(second);
    Serving::spawn(command)
}

fn socket() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

#[test]
fn passed_sockets_are_taken_by_name() {
    for (names, gateways, operators) in [
        ("resolver:ops", 0, Some(1)),
        ("ops:resolver", 1, Some(0)),
        ("ops:x", 1, Some(0)),
        // A warning in the log names the unused one.
        ("x:resolver", 1, None),
    ] {
        let sockets = [socket(), socket()];
        let addresses = [0, 1].map(|index: usize| sockets[index].local_addr().unwrap());
        let serving = serve(names, sockets);
        assert_eq!(serving.address, addresses[gateways], "{names}");
        let taken = addresses.iter().position(|it| *it == serving.ops());
        assert_eq!(taken, operators, "{names}");
        assert_eq!(ask(serving.address, CONSOLE).status, 200, "{names}");
        assert_eq!(ask(serving.ops(), "GET /livez").status, 200, "{names}");
        assert_eq!(serving.stop().exit_code, Some(0));
    }
}

#[test]
fn first_passed_socket_without_a_name_is_for_gateways() {
    let sockets = [socket(), socket()];
    let addresses = [0, 1].map(|index: usize| sockets[index].local_addr().unwrap());
    let serving = serve("", sockets);
    assert_eq!(serving.address, addresses[0]);
    assert!(!addresses.contains(&serving.ops()));
    assert_eq!(ask(serving.address, CONSOLE).status, 200);
    assert_eq!(ask(serving.ops(), "GET /livez").status, 200);
    assert_eq!(serving.stop().exit_code, Some(0));
}

#[test]
fn passed_unix_socket_whose_callers_would_all_be_refused_is_reported() {
    let folder = Folder::new(
        "[callers]\nallowed_networks = [\"192.0.2.0/24\"]\n[[stores]]\nname = \"a\"\nurl = \"memory:\"\n",
    );
    let config = folder.path("resolver.toml");
    let mut command = activated("resolver", &["serve", "--config", config.to_str().unwrap()]);
    let socket = UnixListener::bind(folder.path("http.sock")).unwrap();
    let output = command.stdin(OwnedFd::from(socket)).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("have no address") && stderr.contains("remove `callers.allowed_networks`"),
        "{stderr}"
    );
}

#[test]
fn passed_descriptor_that_is_no_socket_is_reported() {
    let mut command = activated("resolver", &["serve", "--store", SESSIONS]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("cannot use the socket from the service manager"),
        "{stderr}"
    );
}

/// Sends a request over a Unix socket and returns the status.
fn ask_over(path: &Path, line: &str) -> u16 {
    let mut stream = UnixStream::connect(path).unwrap();
    let request = format!("{line} HTTP/1.1\r\nhost: resolver.example\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer[9..12].parse().unwrap()
}

#[test]
fn unix_sockets_serve_gateways_and_operators_and_are_removed_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["http.sock", "ops.sock"].map(|name| folder.path().join(name));
    let addresses = [0, 1].map(|index: usize| format!("unix:{}", paths[index].display()));
    let arguments = [
        "serve",
        "--store",
        SESSIONS,
        "--listen",
        &addresses[0],
        "--ops-listen",
        &addresses[1],
    ];
    // As a process leaves it behind that is killed.
    drop(UnixListener::bind(&paths[0]).unwrap());
    let serving = Serving::spawn_local(dcv_resolver(&arguments));
    assert_eq!(ask_over(&paths[0], CONSOLE), 200);
    assert_eq!(ask_over(&paths[1], "GET /livez"), 200);
    assert_eq!(ask_over(&paths[1], "GET /explain?sessionId=console"), 200);

    let second = run(&arguments);
    assert_eq!(second.exit_code, Some(2));
    let expected = format!("cannot listen on {}: Address already in use", addresses[0]);
    assert!(second.stderr.contains(&expected), "{}", second.stderr);
    assert_eq!(ask_over(&paths[0], CONSOLE), 200);

    assert_eq!(serving.stop().exit_code, Some(0));
    assert!(paths.iter().all(|path| !path.exists()));
}

#[test]
fn file_at_the_path_of_a_unix_socket_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "precious").unwrap();
    let address = format!("unix:{}", path.display());
    let refused = run(&["serve", "--store", SESSIONS, "--listen", &address]);
    assert_eq!(refused.exit_code, Some(2));
    assert!(
        refused.stderr.contains("cannot listen on unix:"),
        "{}",
        refused.stderr
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn name_is_resolved_and_an_unknown_one_is_reported() {
    let serving = Serving::spawn(dcv_resolver(&[
        "serve",
        "--store",
        SESSIONS,
        "--listen",
        "localhost:0",
    ]));
    assert!(serving.address.ip().is_loopback());
    assert_eq!(ask(serving.address, CONSOLE).status, 200);
    serving.stop();
    let unknown = run(&[
        "serve",
        "--store",
        SESSIONS,
        "--listen",
        "no-such-host.invalid:9000",
    ]);
    assert_eq!(unknown.exit_code, Some(2));
    assert!(
        unknown
            .stderr
            .contains("cannot listen on no-such-host.invalid:9000: "),
        "{}",
        unknown.stderr
    );
}
