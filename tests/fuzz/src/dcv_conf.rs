use std::collections::HashSet;

use dcv_resolver_dcv_config::{Connectivity, DcvServerConfig};

use crate::config_error;

/// The configuration of a DCV server: ports are ports, other sections do not matter,
/// and an error names a line and quotes no value.
pub fn dcv_conf(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Connectivity::parse(text) {
        Ok(server) => {
            assert!(server.http_ports().contains(&server.http_port()));
            assert!(!server.http_ports().contains(&0));
            assert!(!server.quic_ports().contains(&0));
            for ports in [server.http_ports(), server.quic_ports()] {
                let unique: HashSet<_> = ports.iter().collect();
                assert_eq!(unique.len(), ports.len(), "{ports:?}");
            }
            assert_eq!(
                server.quic_port().is_some(),
                !server.quic_ports().is_empty()
            );
            let more = format!("{text}\n[log]\nweb-port=1\nenable-quic-frontend=1\n");
            assert_eq!(Connectivity::parse(&more).as_ref(), Ok(&server));
            if let Ok(whole) = DcvServerConfig::parse(text) {
                assert_eq!(whole.connectivity, server);
            }
        }
        Err(error) => {
            config_error::check(&error, text);
            assert!(DcvServerConfig::parse(text).is_err());
        }
    }
}
