//! [`ResolverListener`]: where a resolver listens, by its own configuration.

/// Where a resolver listens for gateways, by its own configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResolverListener {
    /// The TCP port; `None` for a Unix socket.
    pub port: Option<u16>,
    /// Whether it speaks TLS.
    pub has_tls: bool,
    /// Whether only this machine reaches it.
    pub is_local: bool,
    /// The URL at which this machine reaches it without a certificate.
    pub local_url: Option<String>,
}

impl ResolverListener {
    /// Returns the scheme of its URL.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        if self.has_tls { "https" } else { "http" }
    }
}
