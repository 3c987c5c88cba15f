//! [`ProxySettings`]: the proxy variables of the environment.

use std::fmt;
use std::net::IpAddr;

use dcv_resolver_core::Network;

/// The proxy variables of the environment, as curl reads them.
///
/// Source: curl's manual, "Environment"; `HTTP_PROXY` in capitals is read by
/// other programs only.
///
/// `Debug` shows no value: that of a proxy may have a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// Names and values, none of them empty.
    variables: Vec<(&'static str, String)>,
}

/// In the order in which they are looked for.
const NAMES: [&str; 8] = [
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
];

impl ProxySettings {
    /// Reads the environment of this process.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads the variables that `lookup` returns.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let variables = NAMES.into_iter().filter_map(|name| {
            let value = lookup(name)?;
            (!value.trim().is_empty()).then_some((name, value))
        });
        Self {
            variables: variables.collect(),
        }
    }

    /// Returns whether no variable names a proxy.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let is_exception = |(name, _): &(&str, String)| name.eq_ignore_ascii_case("no_proxy");
        self.variables.iter().all(is_exception)
    }

    /// Returns the variable that makes programs send a request for `host` to a
    /// proxy.
    #[must_use]
    pub fn variable_for(&self, scheme: &str, host: &str) -> Option<&'static str> {
        if self.is_excepted(host) {
            return None;
        }
        let own = if scheme == "http" {
            "http_proxy"
        } else {
            "https_proxy"
        };
        let by = |wanted: &str| {
            let mut variables = self.variables.iter().map(|(name, _)| *name);
            variables.find(|name| name.eq_ignore_ascii_case(wanted))
        };
        by(own).or_else(|| by("all_proxy"))
    }

    fn is_excepted(&self, host: &str) -> bool {
        let host = host.trim_matches(['[', ']']).trim_end_matches('.');
        let lists = self.variables.iter().filter_map(|(name, value)| {
            let is_list = name.eq_ignore_ascii_case("no_proxy");
            is_list.then_some(value.as_str())
        });
        lists
            .flat_map(|list| list.split([',', ' ']))
            .map(|entry| entry.trim().trim_start_matches("*.").trim_matches('.'))
            .filter(|entry| !entry.is_empty())
            .any(|entry| entry == "*" || is_in_network(host, entry) || is_in_domain(host, entry))
    }
}

impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.variables.iter().map(|(name, _)| name);
        f.debug_set().entries(names).finish()
    }
}

/// Returns whether `host` is an address in `network`, such as `127.0.0.0/8`.
fn is_in_network(host: &str, network: &str) -> bool {
    match (host.parse(), network.parse::<Network>()) {
        (Ok(address), Ok(network)) => network.contains(address),
        _ => false,
    }
}

/// Returns whether `host` is `domain` or a name below it.
fn is_in_domain(host: &str, domain: &str) -> bool {
    let (host, domain) = (host.to_ascii_lowercase(), domain.to_ascii_lowercase());
    if host.parse::<IpAddr>().is_ok() {
        return host == domain.trim_matches(['[', ']']);
    }
    host.strip_suffix(&domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> ProxySettings {
        ProxySettings::from_lookup(|name| {
            let variable = variables.iter().find(|(known, _)| *known == name);
            variable.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn variable_of_the_scheme_applies() {
        let proxies = settings(&[("HTTPS_PROXY", "http://u:tr0ub4dor@proxy.example:3128")]);
        assert_eq!(
            proxies.variable_for("https", "gw.example"),
            Some("HTTPS_PROXY")
        );
        assert_eq!(proxies.variable_for("http", "gw.example"), None);
        assert_eq!(format!("{proxies:?}"), r#"{"HTTPS_PROXY"}"#);
        let proxies = settings(&[("all_proxy", "socks5://proxy.example")]);
        assert_eq!(
            proxies.variable_for("http", "gw.example"),
            Some("all_proxy")
        );
    }

    #[test]
    fn exceptions_include_names_below_them() {
        let proxies = settings(&[
            ("https_proxy", "http://proxy.example"),
            (
                "no_proxy",
                "localhost, .example,192.0.2.7,198.51.100.0/24,2001:db8::/32",
            ),
        ]);
        for (host, applies) in [
            ("gw.example", false),
            ("GW.EXAMPLE.", false),
            ("example", false),
            ("notexample", true),
            ("localhost", false),
            ("192.0.2.7", false),
            ("192.0.2.71", true),
            ("198.51.100.7", false),
            ("203.0.113.7", true),
            ("[2001:db8::1]", false),
        ] {
            let variable = proxies.variable_for("https", host);
            assert_eq!(variable.is_some(), applies, "{host}");
        }
        let proxies = settings(&[("https_proxy", "http://proxy.example"), ("NO_PROXY", "*")]);
        assert_eq!(proxies.variable_for("https", "gw.example"), None);
    }

    #[test]
    fn empty_variables_count_as_not_set() {
        assert!(settings(&[("HTTP_PROXY", ""), ("NO_PROXY", "example")]).is_empty());
    }
}
