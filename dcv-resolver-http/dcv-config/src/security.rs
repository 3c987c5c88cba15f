//! [`Security`]: which clients a DCV server admits.

use std::fmt;
use std::path::PathBuf;

use crate::invalid_config::InvalidConfig;
use crate::key_file::KeyFile;

/// Which clients a DCV server admits: the section `[security]` of its `dcv.conf`.
/// `Debug` does not show the URL of the verifier, which may have a password.
///
/// Source: Amazon DCV Administrator Guide, "Configuration parameter reference".
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Security {
    /// `authentication`: `system`, the default, or `none`.
    pub authentication: Option<String>,
    /// `auth-token-verifier`: the URL of the service that checks tokens. Without it,
    /// the server does.
    pub auth_token_verifier: Option<String>,
    /// `ca-file`: the CA of that service. Without it, those of the system are
    /// trusted.
    pub ca_file: Option<PathBuf>,
    /// `no-tls-strict`: whether the certificate of that service is not checked.
    pub no_tls_strict: bool,
    /// `allowed-ws-origin-regex`: the origins of pages that may open a WebSocket.
    pub allowed_ws_origin_regex: Option<String>,
    /// `allowed-http-host-regex`: the hosts for which requests are answered.
    pub allowed_http_host_regex: Option<String>,
}

impl Security {
    pub(crate) fn of(file: &KeyFile<'_>) -> Result<Self, InvalidConfig> {
        let get = |key| file.get("security", key);
        let text = |key| get(key).map(|value| value.text()).transpose();
        // An empty text is the documented default of both.
        let unless_empty = |key| Ok(text(key)?.filter(|text| !text.is_empty()));
        Ok(Self {
            authentication: text("authentication")?,
            auth_token_verifier: unless_empty("auth-token-verifier")?,
            ca_file: unless_empty("ca-file")?.map(PathBuf::from),
            no_tls_strict: match get("no-tls-strict") {
                Some(value) => value.boolean()?,
                None => false,
            },
            allowed_ws_origin_regex: text("allowed-ws-origin-regex")?,
            allowed_http_host_regex: text("allowed-http-host-regex")?,
        })
    }
}

impl fmt::Debug for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_verifier = self.auth_token_verifier.is_some();
        f.debug_struct("Security")
            .field("authentication", &self.authentication)
            .field("has_auth_token_verifier", &has_verifier)
            .field("ca_file", &self.ca_file)
            .field("no_tls_strict", &self.no_tls_strict)
            .field("allowed_ws_origin_regex", &self.allowed_ws_origin_regex)
            .field("allowed_http_host_regex", &self.allowed_http_host_regex)
            .finish()
    }
}
