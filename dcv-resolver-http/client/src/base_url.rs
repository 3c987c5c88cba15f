//! [`BaseUrl`]: scheme, host, port and path prefix of a server.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use hyper::Uri;

/// The URL of a server: `https://HOST:PORT` or `http://HOST:PORT`, optionally
/// followed by a path, which is prepended to the path of every request.
///
/// The `Display` output omits the path, which may be a secret: a resolver behind
/// an API gateway may have no other protection.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    pub(crate) is_https: bool,
    /// Without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Empty, or a path that starts with `/` and does not end with one.
    pub(crate) prefix: String,
}

/// An error that occurs when a string is not the URL of a server. The message
/// does not quote the string.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBaseUrl {
    /// The string is not a URL, or its port is not a number from 1 to 65535.
    #[error("not a URL; expected https://HOST:PORT or http://HOST:PORT")]
    NotAUrl,
    /// The scheme is neither `http` nor `https`, or is missing.
    #[error("the URL must start with https:// or http://")]
    Scheme,
    /// The URL has a user name or a password, which a gateway does not send.
    #[error("the URL must not contain a user or a password; remove everything up to the @")]
    User,
    /// The URL has a query or a fragment.
    #[error("the URL must end with its path; remove the ? or # and everything after it")]
    Query,
}

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The parser drops a fragment.
        if text.contains(['?', '#']) {
            return Err(InvalidBaseUrl::Query);
        }
        let uri: Uri = text.parse().map_err(|_| InvalidBaseUrl::NotAUrl)?;
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(InvalidBaseUrl::Scheme),
        };
        let authority = uri.authority().ok_or(InvalidBaseUrl::NotAUrl)?;
        if authority.as_str().contains('@') {
            return Err(InvalidBaseUrl::User);
        }
        let host = authority.host();
        // The parser treats a port that is not a number as no port.
        let has_port = authority.as_str().len() > host.len();
        let port = match authority.port_u16() {
            Some(0) => return Err(InvalidBaseUrl::NotAUrl),
            Some(port) => port,
            None if has_port => return Err(InvalidBaseUrl::NotAUrl),
            None if is_https => 443,
            None => 80,
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(InvalidBaseUrl::NotAUrl);
        }
        Ok(Self {
            is_https,
            host: host.to_owned(),
            port,
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl BaseUrl {
    /// Returns whether the scheme is `https`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// Returns the host, without the brackets of an IPv6 address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port: 443 for `https` or 80 for `http` if the URL has none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns whether the host is this machine: `localhost`, or a loopback
    /// address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback(),
            Err(_) => self.host.eq_ignore_ascii_case("localhost"),
        }
    }

    fn scheme(&self) -> &'static str {
        if self.is_https { "https" } else { "http" }
    }

    /// Returns host and port, as in a URL.
    pub(crate) fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        }
    }

    /// Returns the URI of a request, or `None` if `path_and_query` is not valid.
    pub(crate) fn uri(&self, path_and_query: &str) -> Option<Uri> {
        if !path_and_query.starts_with('/') || path_and_query.contains('#') {
            return None;
        }
        Uri::builder()
            .scheme(self.scheme())
            .authority(self.authority())
            .path_and_query(format!("{}{path_and_query}", self.prefix))
            .build()
            .ok()
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.authority())
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(bool, String, String), InvalidBaseUrl> {
        let url: BaseUrl = text.parse()?;
        Ok((url.is_https, url.authority(), url.prefix))
    }

    #[test]
    fn default_port_and_prefix_are_completed() {
        for (text, is_https, authority, prefix) in [
            ("https://broker.example", true, "broker.example:443", ""),
            ("http://broker.example/", false, "broker.example:80", ""),
            (
                "https://broker.example:8447/stage/x/",
                true,
                "broker.example:8447",
                "/stage/x",
            ),
            ("http://[2001:db8::1]:9000", false, "[2001:db8::1]:9000", ""),
        ] {
            let expected = (is_https, authority.to_owned(), prefix.to_owned());
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn each_invalid_url_has_its_own_error() {
        for (text, error) in [
            ("", InvalidBaseUrl::NotAUrl),
            ("https://", InvalidBaseUrl::NotAUrl),
            ("https://:8447", InvalidBaseUrl::NotAUrl),
            ("https://broker.example:0", InvalidBaseUrl::NotAUrl),
            ("https://broker.example:", InvalidBaseUrl::NotAUrl),
            ("https://broker.example:99999", InvalidBaseUrl::NotAUrl),
            ("broker.example:8447", InvalidBaseUrl::Scheme),
            ("/path", InvalidBaseUrl::Scheme),
            ("ftp://broker.example", InvalidBaseUrl::Scheme),
            ("https://ann:tr0ub4dor@broker.example", InvalidBaseUrl::User),
            ("https://broker.example?a=b", InvalidBaseUrl::Query),
            ("https://broker.example/#a", InvalidBaseUrl::Query),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn path_is_not_displayed() {
        let url: BaseUrl = "https://broker.example/tr0ub4dor".parse().unwrap();
        assert_eq!(url.to_string(), "https://broker.example:443");
        assert_eq!(format!("{url:?}"), "BaseUrl(https://broker.example:443)");
    }

    #[test]
    fn uri_is_the_prefix_and_the_path() {
        let url: BaseUrl = "https://broker.example/stage/".parse().unwrap();
        assert_eq!(
            url.uri("/resolveSession?a=b").unwrap(),
            "https://broker.example:443/stage/resolveSession?a=b"
        );
        for path in ["", "a", "/a b", "/a#b"] {
            assert_eq!(url.uri(path), None, "{path}");
        }
    }

    #[test]
    fn loopback_is_a_name_or_an_address() {
        for (url, is_loopback) in [
            ("http://LocalHost:9001", true),
            ("http://127.0.0.2:9001", true),
            ("http://[::1]:9001", true),
            ("http://[::ffff:127.0.0.1]:9001", true),
            ("http://192.0.2.7:9001", false),
            ("http://[::ffff:192.0.2.7]:9001", false),
            ("http://localhost.example:9001", false),
        ] {
            let url: BaseUrl = url.parse().unwrap();
            assert_eq!(url.is_loopback(), is_loopback, "{url}");
        }
    }
}
