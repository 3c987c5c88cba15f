//! [`Tls`]: certificates and keys.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// TLS. Files that change are read again without a restart; other paths need
/// one. Every block of a file must be a certificate or a key that belongs in it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// The certificate chain, PEM. It must name the host of the gateway's
    /// resolver URL (subject alternative name).
    #[schemars(length(min = 1), extend("format" = "path"))]
    pub(crate) certificate_file: PathBuf,

    /// The key of the certificate, PEM.
    #[schemars(length(min = 1), extend("format" = "path"))]
    pub(crate) key_file: PathBuf,

    /// The CA of the gateways' certificates, PEM. If it is set, callers without
    /// a certificate of this CA are refused.
    #[serde(default)]
    #[schemars(with = "PathBuf", length(min = 1), extend("format" = "path"))]
    pub(crate) client_ca_file: Option<PathBuf>,
}
