//! Sockets that a service manager passes.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use crate::client::ask;
use crate::support::{Serving, activated};

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
fn passed_descriptor_that_is_no_tcp_socket_is_reported() {
    let mut command = activated("resolver", &["serve", "--store", SESSIONS]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("cannot use the socket from the service manager"),
        "{stderr}"
    );
}
