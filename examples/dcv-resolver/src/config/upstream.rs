//! [`Upstream`]: the settings of a store that is another resolver.

use std::path::{Path, PathBuf};

use dcv_resolver_upstream::UpstreamConfig;
use schemars::JsonSchema;
use serde::Deserialize;

use super::client_tls;
use super::redis::ServerTimeout;

/// The settings of an https: or http: store. Each replaces the parameter of its
/// name in the URL. Files are read whenever a connection is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Upstream {
    /// The certificate authorities of the other resolver, PEM, instead of the
    /// system's. It needs a URL with TLS: https://.
    #[schemars(with = "PathBuf", length(min = 1), extend("format" = "path"))]
    pub(crate) ca_file: Option<PathBuf>,

    /// The certificate for a resolver that asks for one, PEM.
    #[schemars(with = "PathBuf", length(min = 1), extend("format" = "path"))]
    pub(crate) certificate_file: Option<PathBuf>,

    /// The key of the certificate, PEM and PKCS#8.
    #[schemars(with = "PathBuf", length(min = 1), extend("format" = "path"))]
    pub(crate) key_file: Option<PathBuf>,

    /// How long it may take to establish a connection, with TLS, in
    /// milliseconds. The default is 500, for round trips of up to 50 ms.
    #[schemars(with = "ServerTimeout")]
    pub(crate) connect_timeout_ms: Option<ServerTimeout>,

    /// How long an answer may take, in milliseconds. The default is 400.
    #[schemars(with = "ServerTimeout")]
    pub(crate) response_timeout_ms: Option<ServerTimeout>,
}

impl Upstream {
    /// Replaces settings of `config`.
    pub(crate) fn apply(&self, mut config: UpstreamConfig) -> UpstreamConfig {
        // By name, so that the compiler finds a forgotten one.
        let Self {
            ca_file,
            certificate_file,
            key_file,
            connect_timeout_ms,
            response_timeout_ms,
        } = self;
        if let Some(path) = ca_file {
            config = config.ca_file(path);
        }
        if let (Some(certificate), Some(key)) = (certificate_file, key_file) {
            config = config.client_certificate(certificate, key);
        }
        if let Some(timeout) = connect_timeout_ms {
            config = config.connect_timeout(timeout.milliseconds());
        }
        if let Some(timeout) = response_timeout_ms {
            config = config.response_timeout(timeout.milliseconds());
        }
        config
    }

    /// Makes relative paths relative to `folder`.
    pub(super) fn rebase(&mut self, folder: &Path) {
        let files = [
            &mut self.ca_file,
            &mut self.certificate_file,
            &mut self.key_file,
        ];
        for file in files.into_iter().flatten() {
            *file = folder.join(&*file);
        }
    }

    /// Returns which settings contradict each other or `config`, the URL's, and
    /// why.
    pub(super) fn inconsistencies(&self, config: &UpstreamConfig) -> Vec<(&'static str, String)> {
        let needed_scheme = (!config.base_url().is_https()).then_some("https://");
        client_tls::inconsistencies(
            &self.ca_file,
            &self.certificate_file,
            &self.key_file,
            needed_scheme,
        )
    }
}
