//! [`GatewayConfig`]: the configuration file of a DCV Connection Gateway.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The settings of a DCV Connection Gateway that matter to the path of a
/// connection. Other keys are ignored: each version of the gateway adds some.
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
}

/// How the gateway asks the resolver.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ResolverSection {
    /// The URL; the gateway appends `/resolveSession`. It may hold a secret.
    pub url: Option<String>,
    /// The only CA that is trusted, PEM. Without it, those of the system are.
    pub ca_file: Option<PathBuf>,
    /// Whether the certificate is checked.
    pub tls_strict: bool,
    /// The certificate that the gateway presents, PEM.
    pub cert_file: Option<PathBuf>,
    /// Its key, PEM, PKCS#8.
    pub cert_key_file: Option<PathBuf>,
    /// The lowest TLS version.
    pub minimum_tls_version: MinimumTlsVersion,
}

/// Where the gateway listens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct GatewaySection {
    /// The TCP listeners, `ip` or `ip:port`.
    pub web_listen_endpoints: Vec<String>,
    /// The UDP listeners. Without any, no client gets QUIC.
    pub quic_listen_endpoints: Vec<String>,
    /// The port of TCP listeners without one.
    pub web_port: u16,
    /// The port of UDP listeners without one.
    pub quic_port: u16,
    /// The certificate for clients, PEM; self-signed without it.
    pub cert_file: Option<PathBuf>,
    /// Its key, PEM, PKCS#8.
    pub cert_key_file: Option<PathBuf>,
}

/// How the gateway connects to DCV servers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct DcvSection {
    /// The only CA that is trusted, PEM. Without it, those of the system are.
    pub ca_file: Option<PathBuf>,
    /// Whether certificates are checked.
    pub tls_strict: bool,
    /// The lowest TLS version.
    pub minimum_tls_version: MinimumTlsVersion,
}

/// Where the pages of the web client come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct WebResourcesSection {
    /// The server that has them.
    pub url: Option<String>,
    /// The folder that has them.
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

/// Why there is no configuration. The text of the file is not quoted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayConfigError {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[source] std::io::Error),
    /// The file is not UTF-8.
    #[error("it is not UTF-8 text")]
    NotText,
    /// The file is not TOML, or a value has another type.
    #[error("line {line}: {message}")]
    Invalid {
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
}

impl GatewayConfig {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or [`parse`](Self::parse) fails.
    pub fn load(path: &Path) -> Result<Self, GatewayConfigError> {
        let bytes = dcv_resolver_file_watch::read(path).map_err(GatewayConfigError::Unreadable)?;
        Self::parse(std::str::from_utf8(&bytes).map_err(|_| GatewayConfigError::NotText)?)
    }

    /// Parses the text of a file.
    ///
    /// # Errors
    ///
    /// When it is not TOML, or one of the known keys has a value of another type.
    pub fn parse(text: &str) -> Result<Self, GatewayConfigError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let before = text.get(..start).unwrap_or_default();
            GatewayConfigError::Invalid {
                line: before.matches('\n').count() + 1,
                message: error.message().to_owned(),
            }
        })
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
    fn error_names_the_line() {
        for (text, line) in [
            ("[resolver]\nurl = \n", 2),
            ("[resolver]\n\ntls-strict = 1\n", 3),
            ("[resolver\n", 1),
        ] {
            let error = GatewayConfig::parse(text).unwrap_err();
            let GatewayConfigError::Invalid { line: found, .. } = error else {
                panic!("{error}");
            };
            assert_eq!(found, line, "{text:?}");
        }
    }
}
