//! Where servers listen, and waiting until they do.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use dcv_resolver_test_support::port::free_port;

use crate::failure::{Failure, Result};
use crate::process::Process;

/// Returns an address where a server can listen.
pub(crate) fn free() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port()).into()
}

/// Waits until `is_there`, which a server that has ended never is.
pub(crate) fn wait(
    server: &mut Process,
    name: &str,
    patience: Duration,
    mut is_there: impl FnMut() -> bool,
) -> Result {
    let started = Instant::now();
    while !is_there() {
        if let Some(status) = server.ended()? {
            return Err(Failure::new(format!(
                "{name} has ended before it answered: {status}"
            )));
        }
        if started.elapsed() > patience {
            let patience = patience.as_secs();
            return Err(Failure::new(format!(
                "{name} has not answered within {patience} s"
            )));
        }
        thread::sleep(Duration::from_micros(500));
    }
    Ok(())
}
