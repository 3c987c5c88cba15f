//! [`DcvServerConfig`]: the configuration file of a DCV server.

use std::path::Path;

use crate::config_file::{self, ConfigFileError};
use crate::connectivity::Connectivity;
use crate::invalid_config::InvalidConfig;
use crate::key_file::KeyFile;
use crate::security::Security;

/// The settings of a DCV server, `/etc/dcv/dcv.conf`, that matter to the path of a
/// connection. Other keys are ignored: each version adds some.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DcvServerConfig {
    /// `[connectivity]`.
    pub connectivity: Connectivity,
    /// `[security]`.
    pub security: Security,
}

impl DcvServerConfig {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`ConfigFileError`], when the file cannot be read, or [`parse`](Self::parse)
    /// fails.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ConfigFileError> {
        // What is not UTF-8 is part of a comment, or of a value, which is then
        // invalid or matches nothing.
        config_file::read(path.as_ref(), |content| {
            Self::parse(&String::from_utf8_lossy(content))
        })
    }

    /// Parses the text of a file.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`], when a line is neither a section nor a setting nor a
    /// comment, or a value is invalid.
    pub fn parse(text: &str) -> Result<Self, InvalidConfig> {
        let file = KeyFile::parse(text)?;
        Ok(Self {
            connectivity: Connectivity::of(&file)?,
            security: Security::of(&file)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sections_are_read() {
        let config = DcvServerConfig::parse(
            "[connectivity]\nweb-port=9443\n\
             [security]\n\
             authentication=\"none\"\n\
             auth-token-verifier='https://broker.example:8445/x' # the broker\n\
             ca-file=\"/etc/dcv/broker-ca.pem\"\n\
             no-tls-strict=true\n\
             allowed-ws-origin-regex=\"^https://gw\\\\.example$\"\n\
             allowed-http-host-regex=\"^.+$\"\n",
        )
        .unwrap();
        assert_eq!(config.connectivity.http_port(), 9443);
        let expected = Security {
            authentication: Some("none".to_owned()),
            auth_token_verifier: Some("https://broker.example:8445/x".to_owned()),
            ca_file: Some("/etc/dcv/broker-ca.pem".into()),
            no_tls_strict: true,
            allowed_ws_origin_regex: Some(r"^https://gw\.example$".to_owned()),
            allowed_http_host_regex: Some("^.+$".to_owned()),
        };
        assert_eq!(config.security, expected);
    }

    #[test]
    fn empty_text_is_the_default() {
        let text = "[security]\nauth-token-verifier=''\nca-file=\"\"\n";
        let config = DcvServerConfig::parse(text).unwrap();
        assert_eq!(config, DcvServerConfig::default());
    }

    #[test]
    fn invalid_value_is_named_with_its_line() {
        let error = DcvServerConfig::parse("[security]\nno-tls-strict=1\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2: no-tls-strict has an invalid value; write true or false"
        );
    }

    #[test]
    fn url_of_the_verifier_is_not_shown() {
        let text = "[security]\nauth-token-verifier=\"https://ann:tr0ub4dor@broker.example\"\n";
        let config = DcvServerConfig::parse(text).unwrap();
        let shown = format!("{config:?}");
        assert!(!shown.contains("tr0ub4dor"), "{shown}");
        assert!(shown.contains("has_auth_token_verifier: true"), "{shown}");
    }
}
