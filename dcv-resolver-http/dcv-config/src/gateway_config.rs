//! [`GatewayConfig`]: the configuration file of a DCV Connection Gateway.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::config_file::{self, ConfigFileError};
use crate::gateway_keys::{UnknownKey, unknown_keys};
use crate::invalid_config::InvalidConfig;
use crate::listen_endpoint::ListenEndpoint;

/// The settings of a DCV Connection Gateway that matter to the path of a
/// connection. Other keys are ignored: each version of the gateway adds some.
///
/// Only types are checked, so a gateway may refuse to start with the
/// configuration, for example one without `[resolver]`.
///
/// Source: Amazon DCV Connection Gateway Administrator Guide, "Configuration
/// file reference".
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct GatewayConfig {
    /// `[resolver]`.
    pub resolver: Option<ResolverSection>,
    /// `[gateway]`.
    pub gateway: GatewaySection,
    /// `[dcv]`.
    pub dcv: DcvSection,
    /// `[web-resources]`.
    pub web_resources: Option<WebResourcesSection>,
    /// Keys and sections that are not in the gateway's documentation: mistyped ones,
    /// and those of later versions.
    #[serde(skip)]
    pub unknown_keys: Vec<UnknownKey>,
}

/// The section `[resolver]`: how the gateway asks the resolver. `Debug` does not
/// show the URL.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ResolverSection {
    /// The URL; the gateway appends `/resolveSession`. It may hold a secret.
    pub url: Option<String>,
    /// The only CA that is trusted, in PEM. Without it, the system's CAs are
    /// trusted.
    pub ca_file: Option<PathBuf>,
    /// Whether the certificate is checked.
    pub tls_strict: bool,
    /// The certificate that the gateway presents, in PEM.
    pub cert_file: Option<PathBuf>,
    /// The key of that certificate, PKCS#8 in PEM.
    pub cert_key_file: Option<PathBuf>,
    /// The lowest TLS version.
    pub minimum_tls_version: MinimumTlsVersion,
    /// How long it may take to establish a connection: name, TCP and TLS
    /// together.
    #[serde(deserialize_with = "seconds")]
    pub http_establish_timeout: Duration,
}

/// The section `[gateway]`: where the gateway listens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct GatewaySection {
    /// The TCP listeners.
    pub web_listen_endpoints: Vec<ListenEndpoint>,
    /// The UDP listeners. Without any, no client gets QUIC.
    pub quic_listen_endpoints: Vec<ListenEndpoint>,
    /// The port of TCP listeners without one.
    pub web_port: u16,
    /// The port of UDP listeners without one.
    pub quic_port: u16,
    /// The certificate for clients, in PEM. Without it, a self-signed one is
    /// used.
    pub cert_file: Option<PathBuf>,
    /// The key of that certificate, PKCS#8 in PEM.
    pub cert_key_file: Option<PathBuf>,
}

/// The section `[dcv]`: how the gateway connects to DCV servers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct DcvSection {
    /// The only CA that is trusted, in PEM. Without it, the system's CAs are
    /// trusted.
    pub ca_file: Option<PathBuf>,
    /// Whether certificates are checked.
    pub tls_strict: bool,
    /// The lowest TLS version.
    pub minimum_tls_version: MinimumTlsVersion,
}

/// The section `[web-resources]`: where the pages of the web client come from.
/// `Debug` does not show the URL.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct WebResourcesSection {
    /// The URL of the server that has the pages.
    pub url: Option<String>,
    /// The folder that has the pages.
    pub local_resources_path: Option<PathBuf>,
}

/// A TLS version, as the gateway names it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum MinimumTlsVersion {
    /// TLS 1.2.
    #[default]
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl Default for ResolverSection {
    fn default() -> Self {
        Self {
            url: None,
            ca_file: None,
            tls_strict: true,
            cert_file: None,
            cert_key_file: None,
            minimum_tls_version: MinimumTlsVersion::default(),
            http_establish_timeout: Duration::from_secs(10),
        }
    }
}

impl Default for GatewaySection {
    fn default() -> Self {
        Self {
            web_listen_endpoints: Vec::new(),
            quic_listen_endpoints: Vec::new(),
            web_port: 8443,
            quic_port: 8443,
            cert_file: None,
            cert_key_file: None,
        }
    }
}

impl Default for DcvSection {
    fn default() -> Self {
        Self {
            ca_file: None,
            tls_strict: true,
            minimum_tls_version: MinimumTlsVersion::default(),
        }
    }
}

impl fmt::Debug for ResolverSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResolverSection")
            .field("ca_file", &self.ca_file)
            .field("tls_strict", &self.tls_strict)
            .field("cert_file", &self.cert_file)
            .field("cert_key_file", &self.cert_key_file)
            .field("minimum_tls_version", &self.minimum_tls_version)
            .field("http_establish_timeout", &self.http_establish_timeout)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WebResourcesSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebResourcesSection")
            .field("local_resources_path", &self.local_resources_path)
            .finish_non_exhaustive()
    }
}

impl GatewayConfig {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`ConfigFileError`], when it cannot be read, or [`parse`](Self::parse) fails.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ConfigFileError> {
        config_file::read(path.as_ref(), |content| {
            let text = std::str::from_utf8(content).map_err(|error| InvalidConfig::NotText {
                line: line(content, error.valid_up_to()),
            })?;
            Self::parse(text)
        })
    }

    /// Parses the text of a file.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`], when it is not TOML, or a value is of another type.
    pub fn parse(text: &str) -> Result<Self, InvalidConfig> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        // Its messages about syntax quote no value.
        let table = toml::from_str(text).map_err(|error: toml::de::Error| {
            let message = error.message().to_owned();
            let line = line(text.as_bytes(), start(&error));
            InvalidConfig::NotToml { line, message }
        })?;
        let config = toml::from_str(text).map_err(|error| invalid_value(text, &error))?;
        Ok(Self {
            unknown_keys: unknown_keys(&table),
            ..config
        })
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u32::deserialize(deserializer).map(|seconds| Duration::from_secs(seconds.into()))
}

fn start(error: &toml::de::Error) -> usize {
    error.span().map_or(0, |span| span.start)
}

/// Returns the line of a byte, from 1.
fn line(text: &[u8], offset_bytes: usize) -> usize {
    let before = text.iter().take(offset_bytes);
    before.filter(|byte| **byte == b'\n').count() + 1
}

/// Returns what `error` says about a value of another type, without the value: it
/// may be a URL with a password.
fn invalid_value(text: &str, error: &toml::de::Error) -> InvalidConfig {
    let start = start(error);
    let before = text.get(..start).and_then(|it| it.rsplit('\n').next());
    let key = before.and_then(|line| Some(line.split_once('=')?.0.trim()));
    // Within an array of several lines, it is a part of another value.
    let is_key = |key: &&str| {
        key.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let key = key.filter(is_key).unwrap_or("a setting");
    // What is expected comes last, and is a text of the types above.
    let expected = error.message().rsplit_once(", expected ");
    InvalidConfig::Value {
        line: line(text.as_bytes(), start),
        key: key.to_owned(),
        expected: match expected.map(|(_, expected)| expected) {
            Some("a boolean") => "true or false".to_owned(),
            Some("u16") => "a port from 0 to 65535".to_owned(),
            Some("u32") => "a whole number of seconds".to_owned(),
            Some("a string") => "a string in quotes".to_owned(),
            Some("path string") => "a path in quotes".to_owned(),
            Some("a sequence") => "a list in brackets".to_owned(),
            Some(other) if !other.starts_with("struct ") => other.replace('`', "\""),
            _ => format!("[{key}], and its settings below it"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_ignored_and_defaults_are_those_of_the_gateway() {
        let config = GatewayConfig::parse("[resolver]\nnew-key = 1\n[new-section]\n").unwrap();
        assert_eq!(config.resolver, Some(ResolverSection::default()));
        assert_eq!(config.gateway.web_port, 8443);
        assert!(config.dcv.tls_strict);
        assert_eq!(config.web_resources, None);
    }

    #[test]
    fn defaults_are_those_of_the_gateway() {
        let text = "[gateway]\nweb-listen-endpoints = [\"0.0.0.0\", \"[::]:9443\"]\n";
        let config = GatewayConfig::parse(text).unwrap();
        let endpoints = &config.gateway.web_listen_endpoints;
        let ports: Vec<_> = endpoints.iter().map(ListenEndpoint::port).collect();
        assert_eq!(ports, [None, Some(9443)]);
        assert_eq!(config.gateway.web_port, 8443);
        assert_eq!(config.gateway.quic_listen_endpoints, []);
        assert_eq!(config.resolver, None);
        let resolver = ResolverSection::default();
        assert_eq!(resolver.http_establish_timeout, Duration::from_secs(10));
        assert!(resolver.tls_strict);
    }

    #[test]
    fn line_that_is_not_toml_is_named() {
        for (text, expected) in [
            ("[resolver]\nurl = \n", 2),
            ("[resolver]\nurl = tr0ub4dor\n", 2),
            ("[resolver\n", 1),
        ] {
            let error = GatewayConfig::parse(text).unwrap_err();
            let InvalidConfig::NotToml { line, .. } = error else {
                panic!("{error}");
            };
            assert_eq!(line, expected, "{text:?}");
            assert!(!error.to_string().contains("tr0ub4dor"), "{error}");
        }
    }

    #[test]
    fn file_that_is_not_utf_8_is_named_with_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.conf");
        std::fs::write(&path, b"[resolver]\n# f\xfcr alle\n").unwrap();
        let error = GatewayConfig::read(&path).unwrap_err();
        let expected = "is invalid: line 2: not UTF-8 text; save the file as UTF-8";
        assert!(error.chain().to_string().ends_with(expected));
    }

    #[test]
    fn invalid_value_is_named_and_not_quoted() {
        const URL: &str = "\"https://ann:tr0ub4dor@resolver.example\"";
        for (text, expected) in [
            (
                format!("resolver = {URL}"),
                "line 1: resolver has an invalid value; write [resolver], and its settings below it",
            ),
            (
                format!("[resolver]\n\ntls-strict = {URL}"),
                "line 3: tls-strict has an invalid value; write true or false",
            ),
            (
                format!("[resolver]\nminimum-tls-version = {URL}"),
                "line 2: minimum-tls-version has an invalid value; write \"tls12\" or \"tls13\"",
            ),
            (
                format!("[resolver]\nhttp-establish-timeout = {URL}"),
                "line 2: http-establish-timeout has an invalid value; write a whole number of seconds",
            ),
            (
                format!("[resolver]\nurl = [{URL}]"),
                "line 2: url has an invalid value; write a string in quotes",
            ),
            (
                format!("[resolver]\nca-file = [{URL}]"),
                "line 2: ca-file has an invalid value; write a path in quotes",
            ),
            (
                "[gateway]\nweb-port = 70000".to_owned(),
                "line 2: web-port has an invalid value; write a port from 0 to 65535",
            ),
            (
                "[gateway]\nweb-listen-endpoints = \"0.0.0.0:tr0ub4dor\"".to_owned(),
                "line 2: web-listen-endpoints has an invalid value; write a list in brackets",
            ),
            (
                "[gateway]\nweb-listen-endpoints = [\"0.0.0.0:tr0ub4dor\"]".to_owned(),
                "line 2: web-listen-endpoints has an invalid value; write an address with or without a port, such as \"0.0.0.0\" or \"[::]:8443\"",
            ),
            (
                "[gateway]\nweb-listen-endpoints = [\n\"tr0ub4dor=\", 1]".to_owned(),
                "line 3: a setting has an invalid value; write a string in quotes",
            ),
        ] {
            let error = GatewayConfig::parse(&text).unwrap_err().to_string();
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn urls_are_not_shown() {
        let text = "[resolver]\nurl = \"https://ann:tr0ub4dor@resolver.example\"\n\
                    [web-resources]\nurl = \"https://ann:tr0ub4dor@pages.example\"\n";
        let config = GatewayConfig::parse(text).unwrap();
        assert!(!format!("{config:?}").contains("tr0ub4dor"));
    }
}
