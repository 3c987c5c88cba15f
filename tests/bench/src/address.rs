//! Where servers listen, and waiting until they do.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};
use crate::process::Process;

/// An address that no process listens on.
///
/// It is outside the range that the system gives to clients: one that tries
/// such a port before its server listens may be given the very same and
/// connect to itself, and the server then finds it taken.
pub(crate) fn free() -> Result<SocketAddr> {
    const FIRST: u16 = 12_000;
    const COUNT: u16 = 16_000;
    static TRIED: AtomicU16 = AtomicU16::new(0);

    // Another measurement begins elsewhere.
    let begin = std::process::id() * 97;
    for _ in 0..COUNT {
        let tried = u32::from(TRIED.fetch_add(1, Ordering::Relaxed));
        let port = FIRST + (begin.wrapping_add(tried) % u32::from(COUNT)) as u16;
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            && let Ok(address) = listener.local_addr()
        {
            return Ok(address);
        }
    }
    Err(Failure::new("there is no port left to listen on"))
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
