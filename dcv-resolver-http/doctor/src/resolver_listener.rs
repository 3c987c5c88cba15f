//! [`ResolverListener`]: where a resolver listens, according to its own
//! configuration.

/// Where a resolver listens for gateways, according to its own configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResolverListener {
    /// The TCP port; `None` for a Unix socket.
    pub port: Option<u16>,
    /// Whether the listener speaks TLS.
    pub has_tls: bool,
    /// Whether only this machine can reach the listener.
    pub is_local: bool,
    /// The URL at which this machine can reach the listener without a
    /// certificate.
    pub local_url: Option<String>,
}

impl ResolverListener {
    /// Creates a listener without TLS that other machines can reach: on a TCP
    /// port, or with `None` on a Unix socket.
    #[must_use]
    pub fn new(port: Option<u16>) -> Self {
        Self {
            port,
            ..Self::default()
        }
    }

    /// Sets whether it speaks TLS.
    #[must_use]
    pub fn with_tls(mut self, has_tls: bool) -> Self {
        self.has_tls = has_tls;
        self
    }

    /// Sets whether only this machine reaches it.
    #[must_use]
    pub fn with_local(mut self, is_local: bool) -> Self {
        self.is_local = is_local;
        self
    }

    /// Sets the URL at which this machine reaches it without a certificate.
    #[must_use]
    pub fn with_local_url(mut self, url: impl Into<String>) -> Self {
        self.local_url = Some(url.into());
        self
    }

    /// Returns the scheme of its URL.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        if self.has_tls { "https" } else { "http" }
    }
}
