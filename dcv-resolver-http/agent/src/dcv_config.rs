//! [`DcvConfig`]: where a DCV server listens, from its `dcv.conf`.

use std::io::ErrorKind;
use std::path::Path;

use dcv_resolver_core::WebUrlPath;

/// Where a DCV server listens: the section `[connectivity]` of its `dcv.conf`.
///
/// | key | default |
/// |---|---|
/// | `web-port` | 8443 |
/// | `enable-quic-frontend` | `false`: QUIC is not offered |
/// | `quic-port` | 8443 |
/// | `web-url-path` | `/` |
/// | `web-listen-endpoints`, `quic-listen-endpoints` | the port of the first endpoint that names one replaces `web-port` and `quic-port` |
///
/// Every other key and section is ignored. Source: the configuration parameter
/// reference of the Amazon DCV Administrator Guide.
///
/// ```
/// use dcv_resolver_agent::DcvConfig;
///
/// let config = DcvConfig::parse("[connectivity]\nenable-quic-frontend=true\nweb-url-path=\"/dcv\"\n")?;
/// assert_eq!(config.http_port, 8443);
/// assert_eq!(config.quic_port, Some(8443));
/// assert_eq!(config.web_url_path.as_str(), "/dcv");
/// # Ok::<(), dcv_resolver_agent::InvalidDcvConfig>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DcvConfig {
    /// The TCP port for HTTP and WebSocket.
    pub http_port: u16,
    /// The UDP port for QUIC, if the server offers it.
    pub quic_port: Option<u16>,
    /// The path of the web client.
    pub web_url_path: WebUrlPath,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDcvConfig {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
    /// A value of the section `[connectivity]` is invalid.
    #[error("line {line}: {key} is not {expected}")]
    Value {
        /// The line, from 1.
        line: usize,
        /// The key.
        key: &'static str,
        /// What was expected.
        expected: &'static str,
    },
}

const DEFAULT_PORT: u16 = 8443;

impl DcvConfig {
    /// Where Amazon DCV has the file on Linux.
    pub const PATH: &str = "/etc/dcv/dcv.conf";

    /// Reads the file.
    ///
    /// # Errors
    ///
    /// [`InvalidDcvConfig`], when the file cannot be read, or a value is invalid.
    pub fn read(path: &Path) -> Result<Self, InvalidDcvConfig> {
        match dcv_resolver_file_watch::read(path) {
            Ok(text) => Self::parse(&String::from_utf8_lossy(&text)),
            Err(source) => Err(InvalidDcvConfig::Read {
                path: path.display().to_string(),
                source,
            }),
        }
    }

    /// Reads the file at [`PATH`](Self::PATH). If there is none, each key has its
    /// default, as for the DCV server.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_installed() -> Result<Self, InvalidDcvConfig> {
        match Self::read(Path::new(Self::PATH)) {
            Err(InvalidDcvConfig::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {
                Ok(Self::default())
            }
            read => read,
        }
    }

    /// Parses the text of the file. Of a key that is there twice, the last one
    /// applies.
    ///
    /// # Errors
    ///
    /// [`InvalidDcvConfig::Value`], when a value is invalid.
    pub fn parse(text: &str) -> Result<Self, InvalidDcvConfig> {
        let mut web_port = None;
        let mut web_endpoint_port = None;
        let mut quic_port = None;
        let mut quic_endpoint_port = None;
        let mut is_quic_enabled = false;
        let mut web_url_path = WebUrlPath::default();
        let mut is_connectivity = false;
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_start_matches('\u{feff}').trim();
            if line.starts_with('[') {
                is_connectivity = line == "[connectivity]";
                continue;
            }
            let Some((key, value)) = line.split_once('=').filter(|_| is_connectivity) else {
                continue;
            };
            let value = value.trim();
            let invalid = |key, expected| InvalidDcvConfig::Value {
                line: index + 1,
                key,
                expected,
            };
            let port = |key| port(value).ok_or_else(|| invalid(key, "a port from 1 to 65535"));
            match key.trim_end() {
                "web-port" => web_port = Some(port("web-port")?),
                "quic-port" => quic_port = Some(port("quic-port")?),
                "web-listen-endpoints" => web_endpoint_port = endpoint_port(value),
                "quic-listen-endpoints" => quic_endpoint_port = endpoint_port(value),
                "enable-quic-frontend" => {
                    is_quic_enabled = match unquoted(value) {
                        "true" => true,
                        "false" => false,
                        _ => return Err(invalid("enable-quic-frontend", "true or false")),
                    };
                }
                "web-url-path" => {
                    web_url_path = unquoted(value)
                        .parse()
                        .map_err(|_| invalid("web-url-path", "a path that starts with '/'"))?;
                }
                _ => {}
            }
        }
        let quic_port = quic_endpoint_port.or(quic_port).unwrap_or(DEFAULT_PORT);
        Ok(Self {
            http_port: web_endpoint_port.or(web_port).unwrap_or(DEFAULT_PORT),
            quic_port: is_quic_enabled.then_some(quic_port),
            web_url_path,
        })
    }
}

impl Default for DcvConfig {
    fn default() -> Self {
        Self {
            http_port: DEFAULT_PORT,
            quic_port: None,
            web_url_path: WebUrlPath::default(),
        }
    }
}

/// Returns the value without its quotes, or without the comment behind it.
fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            return rest.split(quote).next().unwrap_or(rest);
        }
    }
    value.split(['#', ';']).next().unwrap_or(value).trim_end()
}

fn port(value: &str) -> Option<u16> {
    unquoted(value).parse().ok().filter(|port| *port > 0)
}

/// Returns the port of the first endpoint that names one in a list such as
/// `['0.0.0.0', '[::%eth1]:9443']`.
fn endpoint_port(value: &str) -> Option<u16> {
    let endpoints = value.trim_start_matches('[').split(',');
    endpoints.map(str::trim).map(unquoted).find_map(|endpoint| {
        let (host, port) = endpoint.rsplit_once(':')?;
        // An IPv6 address without a port is not in brackets.
        let has_port = host.ends_with(']') || !host.contains(':');
        port.parse().ok().filter(|port| has_port && *port > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> DcvConfig {
        DcvConfig::parse(text).unwrap()
    }

    #[test]
    fn file_without_the_keys_has_the_defaults() {
        for text in ["", "[security]\nweb-port=1\n[connectivity]\n#web-port=2\n"] {
            assert_eq!(parse(text), DcvConfig::default(), "{text}");
        }
        let missing = DcvConfig::read(Path::new("/nowhere/dcv.conf")).unwrap_err();
        assert_eq!(missing.to_string(), "cannot read /nowhere/dcv.conf");
    }

    #[test]
    fn values_are_read_in_every_spelling() {
        let expected = DcvConfig {
            http_port: 9443,
            quic_port: Some(9444),
            web_url_path: "/dcv".parse().unwrap(),
        };
        for text in [
            "[connectivity]\nweb-port=9443\nquic-port=9444\nenable-quic-frontend=true\nweb-url-path='/dcv'\n",
            "\u{feff}[connectivity]\r\n web-port = \"9443\" \r\nquic-port = 9444 # UDP\r\nenable-quic-frontend = true\r\nweb-url-path = \"/dcv\"\r\n[log]\r\nweb-port=1\r\n",
            "[connectivity]\nweb-port=1\nweb-port=9443\nquic-listen-endpoints=['0.0.0.0:9444']\nenable-quic-frontend=true\nweb-url-path=/dcv\n",
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn quic_is_offered_only_where_it_is_enabled() {
        let text = "[connectivity]\nquic-port=9444\n";
        assert_eq!(parse(text).quic_port, None);
        let enabled = format!("{text}enable-quic-frontend=true\n");
        assert_eq!(parse(&enabled).quic_port, Some(9444));
    }

    #[test]
    fn port_of_an_endpoint_replaces_the_port_of_all() {
        for (endpoints, port) in [
            ("['0.0.0.0', '::']", 9000),
            ("['0.0.0.0:9443', '[::]:9444']", 9443),
            ("['::1', '[::%eth1]:9443']", 9443),
            ("[]", 9000),
        ] {
            let text = format!("[connectivity]\nweb-port=9000\nweb-listen-endpoints={endpoints}\n");
            assert_eq!(parse(&text).http_port, port, "{endpoints}");
        }
    }

    #[test]
    fn invalid_value_is_rejected_with_its_line() {
        for (line, expected) in [
            (
                "web-port=0",
                "line 2: web-port is not a port from 1 to 65535",
            ),
            (
                "quic-port=70000",
                "line 2: quic-port is not a port from 1 to 65535",
            ),
            (
                "enable-quic-frontend=yes",
                "line 2: enable-quic-frontend is not true or false",
            ),
            (
                "web-url-path=dcv",
                "line 2: web-url-path is not a path that starts with '/'",
            ),
        ] {
            let error = DcvConfig::parse(&format!("[connectivity]\n{line}\n")).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}
