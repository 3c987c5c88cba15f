//! [`free_port`]: where a server of a test listens that cannot choose itself.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::process;
use std::sync::{Mutex, PoisonError};

/// The ports that are given out. All are below those that systems give to
/// clients, 32768 on Linux: a client could take one before the server does, and
/// one that tries a closed port may be given the very same and connect to itself.
const FIRST: u16 = 10_000;
const COUNT: u16 = 10_000;

/// How far above its port a node of Redis Cluster listens for the others.
const CLUSTER_BUS_OFFSET: u16 = 10_000;

/// What this process has claimed.
static CLAIMS: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());

/// Returns a TCP port of loopback on which nothing listens, for the server of a
/// test or to stay closed. Until this process ends, no test is given it again, in
/// this process or in another. The port 10,000 above, where a node of Redis
/// Cluster listens too, is as free.
///
/// A server that can report its port needs none of this: let it listen on port 0.
#[must_use]
pub fn free_port() -> u16 {
    let mut claims = CLAIMS.lock().unwrap_or_else(PoisonError::into_inner);
    // Processes begin at different ports, so that one does not get the ports of the
    // process that has just ended, whose server may still be ending.
    let start = process::id().wrapping_mul(131) % u32::from(COUNT);
    let mut ports = (start..u32::from(COUNT))
        .chain(0..start)
        .map(|number| FIRST + u16::try_from(number).expect("it is below COUNT"));
    let free = ports.find_map(|port| Some((port, claim(port)?)));
    let (port, claim) = free.expect("tests have claimed every port");
    claims.push(claim);
    port
}

/// Claims a port, unless another test has done so or a program listens on it.
fn claim(port: u16) -> Option<UdpSocket> {
    // The system gives a UDP port to one process at a time, and takes it back
    // however that ends. A TCP listener would be in the way of the server, and a
    // lock file would belong to one user.
    let claim = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
    is_free(port).then_some(claim)
}

/// Returns whether a server could listen on the port, and a node of Redis Cluster
/// on the one of its bus too.
fn is_free(port: u16) -> bool {
    can_listen(port) && can_listen(port + CLUSTER_BUS_OFFSET)
}

/// Returns whether a server could listen on the port, on IPv4 and on IPv6:
/// chromedriver listens on both.
fn can_listen(port: u16) -> bool {
    let addresses: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    addresses.into_iter().all(|address| {
        // Without IPv6 the error is another one.
        let bound = TcpListener::bind((address, port));
        !bound.is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_is_given_to_one_test_and_nothing_listens_on_it() {
        let ports: Vec<u16> = (0..100).map(|_| free_port()).collect();
        for (index, &port) in ports.iter().enumerate() {
            assert!((10_000..20_000).contains(&port), "{port}");
            assert!(!ports[..index].contains(&port), "{port} twice");
            assert!(is_free(port), "{port}");
        }
    }

    /// A claim of another process is a socket as well.
    #[test]
    fn claimed_port_cannot_be_claimed() {
        assert!(claim(free_port()).is_none());
    }

    /// The claim ends while the listener is there: until then, another test would be
    /// given the port.
    #[test]
    fn port_with_a_listener_cannot_be_claimed() {
        let port = free_port();
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        CLAIMS
            .lock()
            .unwrap()
            .retain(|claim| claim.local_addr().unwrap().port() != port);
        assert!(claim(port).is_none());
    }

    /// The port stays claimed, so that nothing else listens on it meanwhile.
    #[test]
    fn port_with_a_listener_there_or_on_the_cluster_bus_is_not_free() {
        let port = free_port();
        let bus = port + CLUSTER_BUS_OFFSET;
        for address in [
            format!("127.0.0.1:{port}"),
            format!("0.0.0.0:{port}"),
            format!("[::1]:{port}"),
            format!("127.0.0.1:{bus}"),
        ] {
            let listener = match TcpListener::bind(&address) {
                Ok(listener) => listener,
                // Without IPv6.
                Err(error) if address.starts_with('[') && error.kind() != ErrorKind::AddrInUse => {
                    continue;
                }
                Err(error) => panic!("{address}: {error}"),
            };
            assert!(!is_free(port), "{address}");
            drop(listener);
            assert!(is_free(port), "{address}");
        }
    }
}
