//! The gateway's configuration among the examples.

use std::path::Path;

use dcv_resolver_dcv_config::GatewayConfig;

#[test]
fn example_of_this_repository_is_read() {
    let text = include_str!("../../../examples/gateway/dcv-connection-gateway.conf");
    let config = GatewayConfig::parse(text).unwrap();
    let resolver = config.resolver.unwrap();
    assert_eq!(resolver.url.unwrap(), "http://resolver.example:9000");
    assert!(resolver.tls_strict);
    assert_eq!(config.gateway.quic_listen_endpoints.len(), 2);
    let path = config.web_resources.unwrap().local_resources_path.unwrap();
    assert_eq!(path, Path::new("/usr/share/dcv/www"));
}
