//! [`UpstreamConfig`]: where the other resolver is, and how to reach it.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use dcv_resolver_client::{BaseUrl, TlsOptions};
use percent_encoding::percent_decode_str;

use crate::invalid_url::InvalidUpstreamUrl;

/// The settings of an [`UpstreamStore`](crate::UpstreamStore): where the other
/// resolver is, and how to reach it.
///
/// ```
/// use std::time::Duration;
/// use dcv_resolver_upstream::UpstreamConfig;
///
/// let config: UpstreamConfig = "https://broker.example:8447".parse()?;
/// let config = config
///     .ca_file("/etc/dcv-resolver/broker-ca.pem")
///     .response_timeout(Duration::from_millis(200));
///
/// assert_eq!(config.base_url().to_string(), "https://broker.example:8447");
/// # Ok::<(), dcv_resolver_upstream::InvalidUpstreamUrl>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct UpstreamConfig {
    pub(crate) base_url: BaseUrl,
    pub(crate) tls: TlsOptions,
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
}

/// Parses a URL: the same one as `url` in the gateway's `[resolver]` section,
/// optionally followed by a `?` and the parameters that [this crate](crate)
/// lists.
impl FromStr for UpstreamConfig {
    type Err = InvalidUpstreamUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (url, query) = text.split_once('?').unwrap_or((text, ""));
        let mut config = Self {
            base_url: url.parse()?,
            tls: TlsOptions::default(),
            connect_timeout: Self::DEFAULT_CONNECT_TIMEOUT,
            response_timeout: Self::DEFAULT_RESPONSE_TIMEOUT,
        };
        let mut ca_file = Parameter::new("ca_file");
        let mut certificate = Parameter::new("certificate_file");
        let mut key = Parameter::new("key_file");
        let mut connect_timeout = Parameter::new("connect_timeout_ms");
        let mut response_timeout = Parameter::new("response_timeout_ms");
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            [
                &mut ca_file,
                &mut certificate,
                &mut key,
                &mut connect_timeout,
                &mut response_timeout,
            ]
            .into_iter()
            .find(|known| known.name == name)
            .ok_or(InvalidUpstreamUrl::UnknownParameter)?
            .set(value)?;
        }
        if !config.base_url.is_https() {
            for file in [&ca_file, &certificate, &key] {
                if file.value.is_some() {
                    return Err(InvalidUpstreamUrl::NeedsTls(file.name));
                }
            }
        }
        if let Some(path) = ca_file.path()? {
            config = config.ca_file(path);
        }
        match (certificate.path()?, key.path()?) {
            (Some(certificate), Some(key)) => config = config.client_certificate(certificate, key),
            (None, None) => {}
            _ => return Err(InvalidUpstreamUrl::IncompleteKeyPair),
        }
        if let Some(timeout) = connect_timeout.milliseconds()? {
            config = config.connect_timeout(timeout);
        }
        if let Some(timeout) = response_timeout.milliseconds()? {
            config = config.response_timeout(timeout);
        }
        Ok(config)
    }
}

/// A parameter of a URL.
struct Parameter<'a> {
    name: &'static str,
    value: Option<&'a str>,
}

impl<'a> Parameter<'a> {
    fn new(name: &'static str) -> Self {
        Self { name, value: None }
    }

    fn set(&mut self, value: &'a str) -> Result<(), InvalidUpstreamUrl> {
        match self.value.replace(value) {
            Some(_) => Err(InvalidUpstreamUrl::Repeated(self.name)),
            None => Ok(()),
        }
    }

    fn path(&self) -> Result<Option<String>, InvalidUpstreamUrl> {
        let Some(value) = self.value else {
            return Ok(None);
        };
        match percent_decode_str(value).decode_utf8() {
            Ok(path) if !path.is_empty() => Ok(Some(path.into_owned())),
            _ => Err(InvalidUpstreamUrl::InvalidPath(self.name)),
        }
    }

    fn milliseconds(&self) -> Result<Option<Duration>, InvalidUpstreamUrl> {
        match self.value.map(str::parse) {
            None => Ok(None),
            Some(Ok(ms @ 1..=60_000)) => Ok(Some(Duration::from_millis(ms))),
            Some(_) => Err(InvalidUpstreamUrl::NotMilliseconds(self.name)),
        }
    }
}

impl UpstreamConfig {
    /// The default connect timeout: 500 ms, for a round trip of up to 50 ms.
    pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
    /// The default response timeout: 400 ms. Both together end before the time
    /// budget of a request, which is 1 s.
    pub const DEFAULT_RESPONSE_TIMEOUT: Duration = Duration::from_millis(400);

    /// Trusts only the CAs in this PEM file, instead of the system's. Has no
    /// effect with `http`.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls = self.tls.ca_file(path);
        self
    }

    /// Presents a certificate to a resolver that asks for one. Both files are
    /// PEM, and the key is PKCS#8. Has no effect with `http`.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.tls = self.tls.client_certificate(certificate, key);
        self
    }

    /// Sets how long it may take to establish a connection. The default is
    /// [`DEFAULT_CONNECT_TIMEOUT`](Self::DEFAULT_CONNECT_TIMEOUT).
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long an answer may take, from the moment when the connection is
    /// established. The default is
    /// [`DEFAULT_RESPONSE_TIMEOUT`](Self::DEFAULT_RESPONSE_TIMEOUT).
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// Returns the file of the client's private key, whether it was set by the
    /// URL or by a method, so that a program can check who may read it.
    #[must_use]
    pub fn key_file(&self) -> Option<&Path> {
        self.tls.key_file()
    }

    /// Returns the URL of the other resolver. Its `Display` output omits the
    /// path.
    #[must_use]
    pub fn base_url(&self) -> &BaseUrl {
        &self.base_url
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dcv_resolver_client::InvalidBaseUrl;

    #[test]
    fn parameters_are_settings() {
        let config: UpstreamConfig =
            "https://broker.example:8447/a?ca_file=a%20b.pem&certificate_file=c.pem&key_file=k.pem\
             &connect_timeout_ms=1000&response_timeout_ms=2000"
                .parse()
                .unwrap();
        let tls = TlsOptions::default()
            .ca_file("a b.pem")
            .client_certificate("c.pem", "k.pem");
        let base_url: BaseUrl = "https://broker.example:8447/a".parse().unwrap();
        assert_eq!(config.base_url, base_url);
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
            ("https://a?ca_file", Invalid::InvalidPath("ca_file")),
            ("https://a?key_file=%ff", Invalid::InvalidPath("key_file")),
            (
                "https://a?connect_timeout_ms=0",
                Invalid::NotMilliseconds("connect_timeout_ms"),
            ),
            (
                "https://a?response_timeout_ms=60001",
                Invalid::NotMilliseconds("response_timeout_ms"),
            ),
            (
                "https://a?ca_file=a&ca_file=a",
                Invalid::Repeated("ca_file"),
            ),
            ("https://a?key_file=k.pem", Invalid::IncompleteKeyPair),
            (
                "https://a?certificate_file=c.pem",
                Invalid::IncompleteKeyPair,
            ),
            ("http://a?ca_file=a.pem", Invalid::NeedsTls("ca_file")),
        ] {
            assert_eq!(
                url.parse::<UpstreamConfig>().unwrap_err(),
                expected,
                "{url}"
            );
        }
    }
}
