//! [`Site`]: everything between a browser and its desktops.

use std::fs;
use std::path::{Path, PathBuf};

use dcv_resolver_test_support::pki::Ca;
use dcv_resolver_test_support::pki::rcgen::ExtendedKeyUsagePurpose;
use dcv_resolver_testkit::{
    DcvServerStandIn, DcvSession, GatewayConfig, GatewayMetric, GatewayProtocol, GatewayStandIn,
    write_web_client,
};
use tempfile::TempDir;

use crate::resolver::Resolver;

/// Two DCV servers, a resolver that demands client certificates, and a gateway.
pub(crate) struct Site {
    pub(crate) gateway: GatewayStandIn,
    resolver: Option<Resolver>,
    /// Has a console session, as every Windows server.
    _windows: DcvServerStandIn,
    /// Has the virtual session `cad`, below a path of its own.
    linux: Option<DcvServerStandIn>,
    _folder: TempDir,
}

impl Site {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let windows = DcvServerStandIn::start("ws-17").await.unwrap();
        windows.set_sessions([DcvSession::console("ann")]).unwrap();
        let linux = DcvServerStandIn::builder("ws-18")
            .web_url_path("/desktop".parse().unwrap())
            .start()
            .await
            .unwrap();
        let cad = DcvSession::virtual_session("cad", "bob");
        linux.set_sessions([cad]).unwrap();

        let path = |name: &str| folder.path().join(name);
        issue_certificates(&path);
        fs::write(path("resolver.toml"), RESOLVER).unwrap();
        fs::write(
            path("sessions.toml"),
            format!(
                "[sessions.ann]\nhost = \"localhost\"\nhttp_port = {}\ntarget_id = \"console\"\n\
                 [sessions.cad]\nhost = \"localhost\"\nhttp_port = {}\nweb_url_path = \"/desktop\"\n",
                windows.port(),
                linux.port()
            ),
        )
        .unwrap();
        // Each server has a CA of its own.
        let cas = [&windows, &linux].map(|server| fs::read_to_string(server.ca_file()).unwrap());
        fs::write(path("dcv-cas.pem"), cas.concat()).unwrap();
        fs::create_dir(path("www")).unwrap();
        write_web_client(path("www")).unwrap();

        let resolver = Resolver::serve(&path("resolver.toml"));
        fs::write(
            path("gateway.conf"),
            gateway_config(folder.path(), resolver.port),
        )
        .unwrap();
        let config = GatewayConfig::read(path("gateway.conf")).unwrap();
        Self {
            gateway: GatewayStandIn::start(&config).await.unwrap(),
            resolver: Some(resolver),
            _windows: windows,
            linux: Some(linux),
            _folder: folder,
        }
    }

    /// Returns what a user clicks on; `rest` is what comes after the host.
    pub(crate) fn link(&self, rest: &str) -> String {
        let port = self.gateway.addresses().next().unwrap().port();
        format!("https://localhost:{port}{rest}")
    }

    /// Ends the resolver.
    pub(crate) fn stop_resolver(&mut self) {
        self.resolver = None;
    }

    /// Ends the DCV server of `cad`.
    pub(crate) fn stop_linux(&mut self) {
        self.linux = None;
    }

    /// Returns how often a WebSocket was counted.
    pub(crate) fn count(&self, metric: GatewayMetric) -> u64 {
        self.gateway.count(metric, GatewayProtocol::WebSocket)
    }
}

const RESOLVER: &str = r#"
[tls]
certificate_file = "resolver.pem"
key_file = "resolver-key.pem"
client_ca_file = "ca.pem"

[[stores]]
name = "desktops"
url = "file:sessions.toml"
"#;

/// Returns the configuration that the real gateway would have.
fn gateway_config(folder: &Path, resolver_port: u16) -> String {
    let path = |name: &str| folder.join(name);
    format!(
        r#"
[gateway]
web-listen-endpoints = ["127.0.0.1:0"]
quic-listen-endpoints = ["127.0.0.1:0"]

[resolver]
url = "https://localhost:{resolver_port}"
ca-file = {:?}
cert-file = {:?}
cert-key-file = {:?}

[dcv]
ca-file = {:?}

[web-resources]
local-resources-path = {:?}
"#,
        path("ca.pem"),
        path("gateway.pem"),
        path("gateway-key.pem"),
        path("dcv-cas.pem"),
        path("www"),
    )
}

fn issue_certificates(path: &impl Fn(&str) -> PathBuf) {
    let ca = Ca::new("a site");
    fs::write(path("ca.pem"), &ca.pem).unwrap();
    for (name, host, purpose) in [
        ("resolver", "localhost", ExtendedKeyUsagePurpose::ServerAuth),
        (
            "gateway",
            "gateway.example",
            ExtendedKeyUsagePurpose::ClientAuth,
        ),
    ] {
        let pair = ca.issue(&[host], |params| {
            params.extended_key_usages = vec![purpose];
        });
        fs::write(path(&format!("{name}.pem")), pair.certificate).unwrap();
        fs::write(path(&format!("{name}-key.pem")), pair.key).unwrap();
    }
}
