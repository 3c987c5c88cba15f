//! [`GatewayConfig`]: the configuration file of a DCV Connection Gateway.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::Uri;
use dcv_resolver_client::TlsOptions;
use serde::Deserialize;

use crate::start_error::StartError;

/// The settings of a DCV Connection Gateway that a
/// [`GatewayStandIn`](crate::GatewayStandIn) uses.
///
/// | section | keys |
/// |---|---|
/// | `[gateway]` | `web-listen-endpoints`, `web-port`, `quic-listen-endpoints`, `cert-file`, `cert-key-file` |
/// | `[resolver]` | `url`, `ca-file`, `tls-strict`, `cert-file`, `cert-key-file`, `http-establish-timeout` |
/// | `[dcv]` | `ca-file`, `tls-strict` |
/// | `[web-resources]` | `local-resources-path` |
///
/// Other keys are ignored, so that the file of a real gateway can be read; among
/// them is `url` of `[web-resources]`.
///
/// Source: *Amazon DCV Connection Gateway Administrator Guide*, "Configuration
/// File Reference".
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct GatewayConfig {
    gateway: Gateway,
    resolver: Resolver,
    #[serde(default)]
    dcv: Dcv,
    #[serde(default)]
    web_resources: WebResources,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Gateway {
    web_listen_endpoints: Vec<String>,
    #[serde(default = "default_port")]
    web_port: u16,
    #[serde(default)]
    quic_listen_endpoints: Vec<String>,
    cert_file: Option<PathBuf>,
    cert_key_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Resolver {
    url: String,
    ca_file: Option<PathBuf>,
    #[serde(default = "strict")]
    tls_strict: bool,
    cert_file: Option<PathBuf>,
    cert_key_file: Option<PathBuf>,
    /// In seconds.
    #[serde(default = "default_establish_timeout")]
    http_establish_timeout: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Dcv {
    ca_file: Option<PathBuf>,
    #[serde(default = "strict")]
    tls_strict: bool,
}

impl Default for Dcv {
    fn default() -> Self {
        Self {
            ca_file: None,
            tls_strict: strict(),
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct WebResources {
    local_resources_path: Option<PathBuf>,
}

const fn strict() -> bool {
    true
}

const fn default_port() -> u16 {
    8443
}

const fn default_establish_timeout() -> u64 {
    10
}

impl GatewayConfig {
    /// Reads a configuration file.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system, or which key breaks which rule.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, StartError> {
        let path = path.as_ref();
        let failed = |error| StartError::new(format!("cannot read {}", path.display()), error);
        Self::parse(&fs::read_to_string(path).map_err(failed)?)
    }

    /// Parses the content of a configuration file.
    ///
    /// # Errors
    ///
    /// Returns which key breaks which rule.
    pub fn parse(toml: &str) -> Result<Self, StartError> {
        let config: Self = toml::from_str(toml)
            .map_err(|error| StartError::new("the gateway's configuration is invalid", error))?;
        let url = &config.resolver.url;
        let host = url
            .parse::<Uri>()
            .ok()
            .and_then(|uri| uri.host().map(str::to_owned));
        if host.is_some_and(|host| host.starts_with('[') || host.parse::<IpAddr>().is_ok()) {
            return Err(StartError::invalid(format!(
                "[resolver] url = {url:?} has an address; the gateway accepts only a domain name"
            )));
        }
        if config.gateway.web_listen_endpoints.is_empty() {
            return Err(StartError::invalid(
                "[gateway] web-listen-endpoints is empty; list at least one address",
            ));
        }
        config.web_addresses()?;
        both_or_neither(
            "gateway",
            &config.gateway.cert_file,
            &config.gateway.cert_key_file,
        )?;
        both_or_neither(
            "resolver",
            &config.resolver.cert_file,
            &config.resolver.cert_key_file,
        )?;
        Ok(config)
    }

    /// Returns where clients connect.
    pub(crate) fn web_addresses(&self) -> Result<Vec<SocketAddr>, StartError> {
        let Gateway {
            web_listen_endpoints,
            web_port,
            ..
        } = &self.gateway;
        let addresses = web_listen_endpoints.iter().map(|endpoint| {
            let address = endpoint.trim_start_matches('[').trim_end_matches(']');
            let with_port = endpoint.parse();
            with_port
                .or_else(|_| {
                    address
                        .parse()
                        .map(|ip: IpAddr| SocketAddr::new(ip, *web_port))
                })
                .map_err(|_| {
                    StartError::invalid(format!(
                        "[gateway] web-listen-endpoints has {endpoint:?}; \
                         expected an address, with or without a port"
                    ))
                })
        });
        addresses.collect()
    }

    /// Returns whether clients may use QUIC.
    pub(crate) fn has_quic(&self) -> bool {
        !self.gateway.quic_listen_endpoints.is_empty()
    }

    /// Returns the files of the gateway's own certificate and key. Without, it
    /// uses one that it has signed itself.
    pub(crate) fn certificate(&self) -> Option<(&Path, &Path)> {
        self.gateway
            .cert_file
            .as_deref()
            .zip(self.gateway.cert_key_file.as_deref())
    }

    pub(crate) fn resolver_url(&self) -> &str {
        &self.resolver.url
    }

    pub(crate) fn resolver_tls(&self) -> TlsOptions {
        let tls = tls_options(self.resolver.ca_file.as_deref(), self.resolver.tls_strict);
        match (&self.resolver.cert_file, &self.resolver.cert_key_file) {
            (Some(certificate), Some(key)) => tls.with_client_certificate(certificate, key),
            _ => tls,
        }
    }

    pub(crate) const fn establish_timeout(&self) -> Duration {
        Duration::from_secs(self.resolver.http_establish_timeout)
    }

    pub(crate) fn dcv_tls(&self) -> TlsOptions {
        tls_options(self.dcv.ca_file.as_deref(), self.dcv.tls_strict)
    }

    pub(crate) fn local_resources_path(&self) -> Option<&Path> {
        self.web_resources.local_resources_path.as_deref()
    }
}

fn tls_options(ca_file: Option<&Path>, strict: bool) -> TlsOptions {
    let tls = TlsOptions::default().with_strict(strict);
    match ca_file {
        Some(path) => tls.with_ca_file(path),
        None => tls,
    }
}

fn both_or_neither(
    section: &str,
    certificate: &Option<PathBuf>,
    key: &Option<PathBuf>,
) -> Result<(), StartError> {
    if certificate.is_some() == key.is_some() {
        return Ok(());
    }
    Err(StartError::invalid(format!(
        "[{section}] has one of cert-file and cert-key-file; set both or neither"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "[gateway]\nweb-listen-endpoints = [\"192.0.2.1\"]\n\
                         [resolver]\nurl = \"http://resolver.example:9000\"\n";

    #[test]
    fn configuration_of_the_examples_is_read() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../examples/gateway/dcv-connection-gateway.conf"
        );
        let config = GatewayConfig::read(path).unwrap();
        assert!(config.has_quic());
        assert_eq!(
            config.local_resources_path(),
            Some(Path::new("/usr/share/dcv/www"))
        );
    }

    #[test]
    fn defaults_are_those_of_the_gateway() {
        let config = GatewayConfig::parse(LEAST).unwrap();
        assert_eq!(
            config.web_addresses().unwrap(),
            ["192.0.2.1:8443".parse().unwrap()]
        );
        assert!(!config.has_quic());
        assert_eq!(config.resolver_tls(), TlsOptions::default());
        assert_eq!(config.dcv_tls(), TlsOptions::default());
        assert_eq!(config.establish_timeout(), Duration::from_secs(10));
        assert_eq!(config.local_resources_path(), None);
    }

    #[test]
    fn unknown_keys_are_ignored() {
        let more = format!("{LEAST}ciphers-tls = []\n[log]\nlevel = \"trace\"\n");
        GatewayConfig::parse(&more).unwrap();
    }

    #[test]
    fn invalid_configuration_names_the_key() {
        for (from, to, key) in [
            ("resolver.example", "192.0.2.7", "[resolver] url"),
            ("resolver.example", "[2001:db8::7]", "[resolver] url"),
            ("\"192.0.2.1\"", "", "web-listen-endpoints"),
            ("192.0.2.1", "gateway.example", "web-listen-endpoints"),
            (
                "[resolver]\n",
                "[resolver]\ncert-file = \"a\"\n",
                "cert-key-file",
            ),
            (
                "[gateway]\n",
                "[gateway]\ncert-key-file = \"a\"\n",
                "cert-key-file",
            ),
            ("url", "uri", "url"),
        ] {
            let error = GatewayConfig::parse(&LEAST.replace(from, to)).unwrap_err();
            assert!(error.to_string().contains(key), "{to}: {error}");
        }
    }
}
