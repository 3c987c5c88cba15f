//! [`UrlParts`]: the parts of a URL that may be shown, and nothing else.

use std::fmt;
use std::net::IpAddr;

use dcv_resolver_client::{BaseUrl, InvalidBaseUrl};
use dcv_resolver_core::escape::escaped;

const MAX_HOST_BYTES: usize = 256;

/// The scheme, the host and the port of a URL.
///
/// User name and password are left out, and so are path and query, which may be
/// secrets as well: a path that only the gateway knows is one way to protect a
/// resolver. Displays as `https://resolver.example:9000`, or with `/…` where
/// something was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UrlParts {
    /// In lower case.
    pub(crate) scheme: String,
    /// Without brackets.
    pub(crate) host: String,
    /// `None` if it is that of the scheme.
    port: Option<u16>,
    has_more: bool,
}

impl UrlParts {
    /// Returns `None` if there is no scheme, no host or an invalid port.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.trim().split_once("://")?;
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, more) = rest.split_at(end);
        let host_and_port = authority.rsplit('@').next()?;
        let after_bracket = host_and_port.rfind(']').map_or(0, |at| at + 1);
        let colon = host_and_port.get(after_bracket..)?.rfind(':');
        let (host, port) = match colon {
            Some(at) => {
                let (host, port) = host_and_port.split_at(after_bracket + at);
                (host, Some(port.trim_start_matches(':').parse().ok()?))
            }
            None => (host_and_port, None),
        };
        let host = host.trim_matches(['[', ']']);
        if host.is_empty() || scheme.is_empty() {
            return None;
        }
        Some(Self {
            scheme: scheme.to_ascii_lowercase(),
            host: host.to_owned(),
            port,
            has_more: !more.trim_end_matches('/').is_empty(),
        })
    }

    /// Returns whether requests are encrypted.
    pub(crate) fn is_tls(&self) -> bool {
        self.scheme == "https"
    }

    /// Returns the port, or that of the scheme.
    pub(crate) fn port(&self) -> u16 {
        let of_scheme = if self.is_tls() { 443 } else { 80 };
        self.port.unwrap_or(of_scheme)
    }

    /// Returns the address if the host is one.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Returns whether only this machine is meant.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.address() {
            Some(address) => address.to_canonical().is_loopback(),
            None => self.host.eq_ignore_ascii_case("localhost"),
        }
    }

    /// Returns a URL of the same host and port with another scheme.
    pub(crate) fn with_scheme(&self, scheme: &str) -> Result<BaseUrl, InvalidBaseUrl> {
        format!("{scheme}://{}:{}", self.bracketed_host(), self.port()).parse()
    }

    /// Returns `host:port`.
    pub(crate) fn place(&self) -> String {
        let place = format!("{}:{}", self.bracketed_host(), self.port());
        escaped(&place, MAX_HOST_BYTES).into_owned()
    }

    fn bracketed_host(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        }
    }
}

impl fmt::Display for UrlParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.bracketed_host();
        let scheme = escaped(&self.scheme, MAX_HOST_BYTES);
        write!(f, "{scheme}://{}", escaped(&host, MAX_HOST_BYTES))?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(if self.has_more { "/…" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_user_nor_path_nor_query_is_shown() {
        for (url, expected) in [
            (
                "http://resolver.example:9000",
                "http://resolver.example:9000",
            ),
            (
                "HTTP://resolver.example:9000/",
                "http://resolver.example:9000",
            ),
            ("https://u:tr0ub4dor@r.example/", "https://r.example"),
            ("https://tr0ub4dor@a@r.example:1", "https://r.example:1"),
            ("https://r.example/tr0ub4dor/x", "https://r.example/…"),
            ("https://r.example?t=tr0ub4dor", "https://r.example/…"),
            ("https://r.example#tr0ub4dor", "https://r.example/…"),
            ("https://[2001:db8::1]:9/", "https://[2001:db8::1]:9"),
            ("http://a\u{1b}[2J", r"http://a\u{1b}[2J"),
        ] {
            let parts = UrlParts::parse(url).unwrap();
            assert_eq!(parts.to_string(), expected, "{url}");
        }
    }

    #[test]
    fn text_that_is_no_url_has_no_parts() {
        for url in [
            "tr0ub4dor",
            "http://",
            "://a",
            "http://a:99999",
            "http://a:x",
        ] {
            assert_eq!(UrlParts::parse(url), None, "{url}");
        }
    }

    #[test]
    fn port_is_that_of_the_scheme_by_default() {
        for (url, port) in [
            ("http://a.example", 80),
            ("https://a.example", 443),
            ("https://[2001:db8::1]", 443),
            ("https://a.example:8447/x", 8447),
        ] {
            assert_eq!(UrlParts::parse(url).unwrap().port(), port, "{url}");
        }
    }

    #[test]
    fn loopback_is_a_name_or_an_address() {
        for (url, is_loopback) in [
            ("http://localhost:9001", true),
            ("http://127.0.0.2:9001", true),
            ("http://[::1]:9001", true),
            ("http://192.0.2.7:9001", false),
            ("http://localhost.example:9001", false),
        ] {
            assert_eq!(
                UrlParts::parse(url).unwrap().is_loopback(),
                is_loopback,
                "{url}"
            );
        }
    }
}
