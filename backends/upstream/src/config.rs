//! [`UpstreamConfig`]: where the other resolver is, and how to reach it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dcv_resolver_client::{BaseUrl, TlsOptions};
use percent_encoding::percent_decode_str;

use crate::invalid_url::InvalidUpstreamUrl;

/// Where the other resolver is, and how to reach it.
#[derive(Clone)]
pub struct UpstreamConfig {
    /// The string of `base_url`, with its path.
    pub(crate) url: String,
    base_url: BaseUrl,
    pub(crate) tls: TlsOptions,
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
}

impl UpstreamConfig {
    /// The default of [`connect_timeout`](Self::connect_timeout): 500 ms, for a
    /// round trip of up to 50 ms.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
    /// The default of [`response_timeout`](Self::response_timeout): 400 ms. Both
    /// together end before the time budget of a request, which is 1 s.
    pub const RESPONSE_TIMEOUT: Duration = Duration::from_millis(400);

    /// Parses a URL: the same one as `url` in the gateway's `[resolver]`
    /// section, and after a `?` the parameters that the documentation of this
    /// crate lists.
    ///
    /// # Errors
    ///
    /// [`InvalidUpstreamUrl`], when the URL or a parameter is invalid.
    pub fn from_url(text: &str) -> Result<Self, InvalidUpstreamUrl> {
        let (url, query) = text.split_once('?').unwrap_or((text, ""));
        let mut config = Self {
            url: url.to_owned(),
            base_url: url.parse()?,
            tls: TlsOptions::default(),
            connect_timeout: Self::CONNECT_TIMEOUT,
            response_timeout: Self::RESPONSE_TIMEOUT,
        };
        let (mut certificate, mut key) = (None, None);
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name {
                "ca_file" => config = config.ca_file(path(value)?),
                "certificate_file" => certificate = Some(path(value)?),
                "key_file" => key = Some(path(value)?),
                "connect_timeout_ms" => config.connect_timeout = milliseconds(value)?,
                "response_timeout_ms" => config.response_timeout = milliseconds(value)?,
                _ => return Err(InvalidUpstreamUrl::UnknownParameter),
            }
        }
        match (certificate, key) {
            (Some(certificate), Some(key)) => config = config.client_certificate(certificate, key),
            (None, None) => {}
            _ => return Err(InvalidUpstreamUrl::HalfOfAPair),
        }
        if !config.base_url.is_https() && config.tls != TlsOptions::default() {
            return Err(InvalidUpstreamUrl::CertificateWithoutTls);
        }
        Ok(config)
    }

    /// Trusts only the CAs in this PEM file, instead of the system's.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls = self.tls.with_ca_file(path);
        self
    }

    /// Presents a certificate to a resolver that asks for one. Both files are
    /// PEM, and the key is PKCS#8.
    #[must_use]
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.tls = self.tls.with_client_certificate(certificate, key);
        self
    }

    /// Sets how long it may take to establish a connection.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long an answer may take, from the moment when the connection is
    /// established.
    #[must_use]
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// Returns the file of the client's private key, whether the URL or a method
    /// names it, so that a program can check who may read it.
    #[must_use]
    pub fn key_file(&self) -> Option<&Path> {
        self.tls.key_file()
    }

    /// Returns the URL. It is displayed without its path.
    #[must_use]
    pub fn base_url(&self) -> &BaseUrl {
        &self.base_url
    }
}

/// Shows no path, which may be a secret.
impl fmt::Debug for UpstreamConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamConfig")
            .field("base_url", &self.base_url)
            .field("tls", &self.tls)
            .field("connect_timeout", &self.connect_timeout)
            .field("response_timeout", &self.response_timeout)
            .finish_non_exhaustive()
    }
}

fn path(value: &str) -> Result<String, InvalidUpstreamUrl> {
    let decoded = percent_decode_str(value).decode_utf8();
    match decoded {
        Ok(text) if !text.is_empty() => Ok(text.into_owned()),
        _ => Err(InvalidUpstreamUrl::InvalidPath),
    }
}

fn milliseconds(value: &str) -> Result<Duration, InvalidUpstreamUrl> {
    match value.parse() {
        Ok(ms @ 1..=60_000) => Ok(Duration::from_millis(ms)),
        _ => Err(InvalidUpstreamUrl::NotMilliseconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dcv_resolver_client::InvalidBaseUrl;

    #[test]
    fn parameters_are_settings() {
        let config = UpstreamConfig::from_url(
            "https://broker.example:8447/a?ca_file=a%20b.pem&certificate_file=c.pem&key_file=k.pem\
             &connect_timeout_ms=1000&response_timeout_ms=2000",
        );
        let config = config.unwrap();
        let tls = TlsOptions::default()
            .with_ca_file("a b.pem")
            .with_client_certificate("c.pem", "k.pem");
        assert_eq!(config.url, "https://broker.example:8447/a");
        assert_eq!(config.tls, tls);
        assert_eq!(config.connect_timeout, Duration::from_secs(1));
        assert_eq!(config.response_timeout, Duration::from_secs(2));
    }

    #[test]
    fn each_invalid_url_has_its_own_error() {
        use InvalidUpstreamUrl as Invalid;
        for (url, expected) in [
            ("broker.example", Invalid::Url(InvalidBaseUrl::Scheme)),
            ("https://a?b=c", Invalid::UnknownParameter),
            ("https://a?ca_file", Invalid::InvalidPath),
            ("https://a?ca_file=%ff", Invalid::InvalidPath),
            ("https://a?connect_timeout_ms=0", Invalid::NotMilliseconds),
            (
                "https://a?response_timeout_ms=60001",
                Invalid::NotMilliseconds,
            ),
            ("https://a?key_file=k.pem", Invalid::HalfOfAPair),
            ("https://a?certificate_file=c.pem", Invalid::HalfOfAPair),
            ("http://a?ca_file=a.pem", Invalid::CertificateWithoutTls),
        ] {
            assert_eq!(
                UpstreamConfig::from_url(url).unwrap_err(),
                expected,
                "{url}"
            );
        }
    }
}
