//! [`Connectivity`]: where a DCV server listens.

use std::io::ErrorKind;
use std::path::Path;

use dcv_resolver_core::WebUrlPath;

use crate::config_file::{self, ConfigFileError};
use crate::invalid_config::InvalidConfig;
use crate::key_file::KeyFile;
use crate::listen_endpoint::ListenEndpoint;

/// Where a DCV server listens: the section `[connectivity]` of its `dcv.conf`.
///
/// | key | default |
/// |---|---|
/// | `web-port` | 8443 |
/// | `web-listen-endpoints` | every address; one without a port has `web-port` |
/// | `enable-quic-frontend` | `false`: QUIC is not offered |
/// | `quic-port` | 8443 |
/// | `quic-listen-endpoints` | every address; one without a port has `quic-port` |
/// | `web-url-path` | `/` |
///
/// Source: Amazon DCV Administrator Guide, "Configuration parameter reference".
///
/// ```
/// use dcv_resolver_dcv_config::Connectivity;
///
/// let server = Connectivity::parse("[connectivity]\nweb-listen-endpoints=['127.0.0.1', '0.0.0.0:9443']\n")?;
/// assert_eq!(server.http_port(), 9443);
/// assert!(server.http_ports().contains(&8443));
/// assert_eq!(server.quic_port(), None);
/// # Ok::<(), dcv_resolver_dcv_config::InvalidConfig>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connectivity {
    /// Never empty; the first is the one that gateways reach.
    http_ports: Vec<u16>,
    /// Like `http_ports`, but may be empty.
    quic_ports: Vec<u16>,
    web_url_path: WebUrlPath,
}

const SECTION: &str = "connectivity";
const DEFAULT_PORT: u16 = 8443;

impl Connectivity {
    /// The path of the file on Linux.
    pub const PATH: &str = "/etc/dcv/dcv.conf";

    /// Reads a file. Only this section has to be valid.
    ///
    /// # Errors
    ///
    /// [`ConfigFileError`], when the file cannot be read, or [`parse`](Self::parse)
    /// fails.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ConfigFileError> {
        // What is not UTF-8 is part of a comment, or of a value, which is then
        // invalid.
        config_file::read(path.as_ref(), |content| {
            Self::parse(&String::from_utf8_lossy(content))
        })
    }

    /// Reads the file at [`PATH`](Self::PATH). If there is none, each key has its
    /// default, as for the DCV server.
    ///
    /// # Errors
    ///
    /// See [`read`](Self::read).
    pub fn read_installed() -> Result<Self, ConfigFileError> {
        match Self::read(Self::PATH) {
            Err(ConfigFileError::Unreadable { source, .. })
                if source.kind() == ErrorKind::NotFound =>
            {
                Ok(Self::default())
            }
            read => read,
        }
    }

    /// Parses the text of a file. Only this section has to be valid.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`], when a line is neither a section nor a setting nor a
    /// comment, or a value of this section is invalid.
    pub fn parse(text: &str) -> Result<Self, InvalidConfig> {
        Self::of(&KeyFile::parse(text)?)
    }

    pub(crate) fn of(file: &KeyFile<'_>) -> Result<Self, InvalidConfig> {
        let has_quic = match file.get(SECTION, "enable-quic-frontend") {
            Some(value) => value.boolean()?,
            None => false,
        };
        let quic_ports = ports(file, "quic-listen-endpoints", "quic-port")?;
        let web_url_path = match file.get(SECTION, "web-url-path") {
            Some(value) => {
                let path = value.text()?.parse();
                path.map_err(|_| value.invalid("a path that starts with '/', without a query"))?
            }
            None => WebUrlPath::default(),
        };
        Ok(Self {
            http_ports: ports(file, "web-listen-endpoints", "web-port")?,
            quic_ports: if has_quic { quic_ports } else { Vec::new() },
            web_url_path,
        })
    }

    /// Sets the only TCP port.
    #[must_use]
    pub fn with_http_port(mut self, port: u16) -> Self {
        self.http_ports = vec![port];
        self
    }

    /// Sets the only UDP port. QUIC is then offered.
    #[must_use]
    pub fn with_quic_port(mut self, port: u16) -> Self {
        self.quic_ports = vec![port];
        self
    }

    /// Sets the path of the web client.
    #[must_use]
    pub fn with_web_url_path(mut self, path: WebUrlPath) -> Self {
        self.web_url_path = path;
        self
    }

    /// Returns the TCP port for HTTP and WebSocket: that of the first endpoint that
    /// other machines reach.
    #[must_use]
    pub fn http_port(&self) -> u16 {
        self.http_ports.first().copied().unwrap_or(DEFAULT_PORT)
    }

    /// Returns every TCP port for HTTP and WebSocket.
    #[must_use]
    pub fn http_ports(&self) -> &[u16] {
        &self.http_ports
    }

    /// Returns the UDP port for QUIC, if the server offers it: that of the first
    /// endpoint that other machines reach.
    #[must_use]
    pub fn quic_port(&self) -> Option<u16> {
        self.quic_ports.first().copied()
    }

    /// Returns every UDP port for QUIC; none if the server does not offer it.
    #[must_use]
    pub fn quic_ports(&self) -> &[u16] {
        &self.quic_ports
    }

    /// Returns the path of the web client.
    #[must_use]
    pub const fn web_url_path(&self) -> &WebUrlPath {
        &self.web_url_path
    }
}

impl Default for Connectivity {
    fn default() -> Self {
        Self {
            http_ports: vec![DEFAULT_PORT],
            quic_ports: Vec::new(),
            web_url_path: WebUrlPath::default(),
        }
    }
}

/// Returns each port of the endpoints once, those that other machines reach first;
/// never none.
fn ports(
    file: &KeyFile<'_>,
    endpoints: &str,
    default_port: &str,
) -> Result<Vec<u16>, InvalidConfig> {
    let default_port = match file.get(SECTION, default_port) {
        Some(value) => value.port()?,
        None => DEFAULT_PORT,
    };
    let mut endpoints = match file.get(SECTION, endpoints) {
        Some(value) => value.endpoints()?,
        None => Vec::new(),
    };
    endpoints.sort_by_key(ListenEndpoint::is_loopback);
    let mut ports = Vec::new();
    for endpoint in endpoints {
        let port = endpoint.port().unwrap_or(default_port);
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    if ports.is_empty() {
        ports.push(default_port);
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Connectivity {
        Connectivity::parse(text).unwrap()
    }

    #[test]
    fn file_without_the_keys_has_the_defaults() {
        for text in [
            "",
            "[security]\nweb-port=1\nno-tls-strict=maybe\n[connectivity]\n#web-port=2\n",
        ] {
            assert_eq!(parse(text), Connectivity::default(), "{text}");
        }
        let server = Connectivity::default();
        assert_eq!((server.http_port(), server.quic_port()), (8443, None));
        assert_eq!(server.web_url_path().as_str(), "/");
    }

    #[test]
    fn values_are_read_in_every_spelling() {
        let expected = Connectivity::default()
            .with_http_port(9443)
            .with_quic_port(9444)
            .with_web_url_path("/dcv".parse().unwrap());
        for text in [
            "[connectivity]\nweb-port=9443\nquic-port=9444\nenable-quic-frontend=true\nweb-url-path='/dcv'\n",
            "[ connectivity ]\r\n web-port = \"9443\" \r\nquic-port = 9444 # UDP\r\nenable-quic-frontend = true ; yes\r\nweb-url-path = \"/dcv\" # a path\r\n[log]\r\nweb-port=1\r\n",
            "[connectivity]\nweb-port=1\nweb-port=9443\nquic-listen-endpoints=['0.0.0.0:9444']\nenable-quic-frontend=true\nweb-url-path=/dcv\n",
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn quic_is_offered_only_where_it_is_enabled() {
        let text = "[connectivity]\nquic-port=9444\n";
        assert_eq!(parse(text).quic_port(), None);
        let enabled = format!("{text}enable-quic-frontend=true\n");
        assert_eq!(parse(&enabled).quic_port(), Some(9444));
    }

    #[test]
    fn port_is_that_of_the_first_endpoint_that_gateways_reach() {
        for (endpoints, ports) in [
            ("['0.0.0.0', '::']", &[9000][..]),
            ("['0.0.0.0:9443', '[::]:9444']", &[9443, 9444]),
            ("['0.0.0.0', '[::]:9443']", &[9000, 9443]),
            ("['::1', '[::%eth1]:9443']", &[9443, 9000]),
            ("['127.0.0.1:9443']", &[9443]),
            ("[]", &[9000]),
        ] {
            let text = format!("[connectivity]\nweb-port=9000\nweb-listen-endpoints={endpoints}\n");
            assert_eq!(parse(&text).http_ports(), ports, "{endpoints}");
        }
    }

    #[test]
    fn invalid_value_is_named_with_its_line() {
        for (line, key) in [
            ("web-port=0", "web-port"),
            ("quic-port=70000", "quic-port"),
            ("enable-quic-frontend=yes", "enable-quic-frontend"),
            ("web-listen-endpoints='0.0.0.0'", "web-listen-endpoints"),
            ("web-url-path=dcv", "web-url-path"),
        ] {
            let error = Connectivity::parse(&format!("[connectivity]\n{line}\n")).unwrap_err();
            let expected = format!("line 2: {key} has an invalid value; write ");
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
    }

    #[test]
    fn file_that_cannot_be_used_is_named_with_the_cause() {
        let error = |path: &Path| Connectivity::read(path).unwrap_err().chain().to_string();
        assert_eq!(
            error(Path::new("/nowhere/dcv.conf")),
            "cannot read /nowhere/dcv.conf: there is no directory /nowhere; create it and the file, or correct the path"
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dcv.conf");
        // A comment in Latin-1 is no reason to reject the file.
        std::fs::write(&path, b"# f\xfcr alle\n[connectivity]\nweb-port=no\n").unwrap();
        let expected = format!("{} is invalid: line 3: web-port has ", path.display());
        assert!(error(&path).starts_with(&expected));
    }
}
