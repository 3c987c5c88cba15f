//! [`GatewayConfig`]: the configuration file of a DCV Connection Gateway.

use std::fmt;
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

/// How the gateway asks the resolver. `Debug` does not show the URL.
#[derive(Clone, PartialEq, Eq, Deserialize)]
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

/// Where the pages of the web client come from. `Debug` does not show the URL.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
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

impl fmt::Debug for ResolverSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResolverSection")
            .field("ca_file", &self.ca_file)
            .field("tls_strict", &self.tls_strict)
            .field("cert_file", &self.cert_file)
            .field("cert_key_file", &self.cert_key_file)
            .field("minimum_tls_version", &self.minimum_tls_version)
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
    /// The file is not TOML, or a value has another type. No value is quoted.
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
        let invalid = |error: &toml::de::Error, message: String| {
            let start = error.span().map_or(0, |span| span.start);
            let before = text.get(..start).unwrap_or_default();
            GatewayConfigError::Invalid {
                line: before.matches('\n').count() + 1,
                message,
            }
        };
        // The messages about syntax quote no value.
        if let Err(error) = toml::from_str::<toml::Table>(text) {
            return Err(invalid(&error, error.message().to_owned()));
        }
        toml::from_str(text).map_err(|error| invalid(&error, type_message(text, &error)))
    }
}

/// Returns what `error` says about a value of another type, without the value: it
/// may be a URL with a password.
fn type_message(text: &str, error: &toml::de::Error) -> String {
    let start = error.span().map_or(0, |span| span.start);
    let line = text.get(..start).and_then(|it| it.rsplit('\n').next());
    let key = line.and_then(|line| Some(line.split_once('=')?.0.trim()));
    // Within an array of several lines, it is a part of another value.
    let is_key = |key: &&str| {
        key.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let key = key.filter(is_key).unwrap_or("a setting");
    // What is expected comes last, and is a text of the types above.
    match error.message().rsplit_once(", expected ") {
        Some((_, expected)) if !expected.starts_with("struct ") => {
            format!("{key} has an invalid value; expected {expected}")
        }
        _ => format!("{key} has an invalid value"),
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

    #[test]
    fn value_of_another_type_is_not_quoted() {
        const URL: &str = "\"https://ann:tr0ub4dor@resolver.example\"";
        for (text, expected) in [
            (
                format!("resolver = {URL}"),
                "line 1: resolver has an invalid value",
            ),
            (
                format!("[resolver]\ntls-strict = {URL}"),
                "line 2: tls-strict has an invalid value; expected a boolean",
            ),
            (
                format!("[resolver]\nminimum-tls-version = {URL}"),
                "line 2: minimum-tls-version has an invalid value; expected `tls12` or `tls13`",
            ),
            (
                format!("[resolver]\nurl = [{URL}]"),
                "line 2: url has an invalid value; expected a string",
            ),
            (
                "[gateway]\nweb-port = 70000".to_owned(),
                "line 2: web-port has an invalid value; expected u16",
            ),
            (
                "[gateway]\nweb-listen-endpoints = [\n\"tr0ub4dor=\", 1]".to_owned(),
                "line 3: a setting has an invalid value; expected a string",
            ),
        ] {
            let error = GatewayConfig::parse(&text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
            assert!(!error.contains("tr0ub4dor"), "{error}");
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
