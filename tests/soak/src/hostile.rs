//! Clients that a resolver has to survive.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::control::Control;
use crate::resolver::Resolver;
use crate::tally::Tally;

/// Sends requests from an address that is not allowed.
pub(crate) fn refused_callers(resolver: &Resolver, control: &Control, tally: &Tally) {
    let url = format!(
        "http://{}/resolveSession?sessionId=agent-00000",
        resolver.gateways
    );
    while control.wait(Duration::from_millis(500)) {
        // The standard library cannot bind a client's address.
        let curl = Command::new("curl")
            .args(["--silent", "--max-time", "10", "--interface", "127.0.0.2"])
            .args(["--request", "POST", "--output", "/dev/null"])
            .args(["--write-out", "%{http_code}", &url])
            .stdin(Stdio::null())
            .output();
        match curl {
            Ok(output) => {
                let status = String::from_utf8_lossy(&output.stdout).into_owned();
                if status == "200" {
                    tally.violation("refused caller", "was answered");
                }
                tally.count(format!("refused callers: {status}"));
            }
            Err(error) => tally.violation("curl", error.to_string()),
        }
    }
}

/// Holds connections that send a byte now and then.
pub(crate) fn slow_clients(resolver: &Resolver, control: &Control, tally: &Tally) {
    const CLIENTS: usize = 20;
    let mut clients: Vec<Option<TcpStream>> = (0..CLIENTS).map(|_| None).collect();
    while control.wait(Duration::from_secs(1)) {
        for client in &mut clients {
            let is_open = client.as_mut().is_some_and(send_byte);
            if !is_open {
                tally.count("slow clients: connections");
                *client = TcpStream::connect(resolver.gateways)
                    .and_then(|stream| stream.set_nonblocking(true).map(|()| stream))
                    .ok();
            }
        }
    }
}

/// Returns `false` if the server has closed the connection.
fn send_byte(stream: &mut TcpStream) -> bool {
    let closed = matches!(stream.read(&mut [0; 512]), Ok(0));
    !closed && stream.write_all(b"P").is_ok()
}
