//! Proxy variables: what curl and browsers use, and the gateway does not.

use dcv_resolver_core::escape::escaped;

use crate::hop::{Hop, HopKind};
use crate::proxy_settings::ProxySettings;

const MAX_HOST_BYTES: usize = 256;

/// Checks which of the names on the path a proxy applies to: pairs of a scheme
/// and a host. The value of a variable is not shown, since it may hold a password.
pub(crate) fn check(proxies: &ProxySettings, names: &[(String, String)]) -> Vec<Hop> {
    if proxies.is_empty() {
        return vec![Hop::ok(HopKind::Proxy, "none is set")];
    }
    let mut hops: Vec<Hop> = Vec::new();
    for (scheme, host) in names {
        let Some(variable) = proxies.variable_for(scheme, host) else {
            continue;
        };
        let host = escaped(host, MAX_HOST_BYTES);
        let hop = Hop::warn(
            HopKind::Proxy,
            format!(
                "{variable} applies to {host}: curl and browsers that follow it send their requests to a proxy, but this command and the gateway connect directly"
            ),
            format!("add {host} to NO_PROXY, or make the proxy pass WebSocket connections on"),
        );
        if !hops.contains(&hop) {
            hops.push(hop);
        }
    }
    if hops.is_empty() {
        let detail = "some are set, and none applies to the names on the path";
        hops.push(Hop::ok(HopKind::Proxy, detail));
    }
    hops
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hop::Status;

    fn checked(no_proxy: &str) -> Vec<Hop> {
        let proxies = ProxySettings::from_lookup(|name| match name {
            "HTTPS_PROXY" => Some("http://ann:tr0ub4dor@proxy.example:3128".to_owned()),
            "NO_PROXY" => Some(no_proxy.to_owned()),
            _ => None,
        });
        let name = ("https".to_owned(), "gw.example".to_owned());
        check(&proxies, &[name.clone(), name])
    }

    #[test]
    fn name_is_escaped() {
        let proxies = ProxySettings::from_lookup(|name| {
            (name == "https_proxy").then(|| "http://proxy.example".to_owned())
        });
        let name = ("https".to_owned(), "gw\u{1b}[2J".to_owned());
        let hops = check(&proxies, &[name]);
        let text = hops[0].finding.as_ref().unwrap().to_string();
        assert!(text.contains(r"gw\u{1b}[2J"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn proxy_that_applies_is_named_once_without_its_password() {
        let hops = checked("localhost");
        assert_eq!(hops.len(), 1);
        assert_eq!(hops[0].status, Status::Warn);
        let finding = hops[0].finding.as_ref().unwrap();
        assert!(finding.cause.contains("HTTPS_PROXY applies to gw.example"));
        assert!(finding.change.contains("NO_PROXY"));
        assert!(!finding.to_string().contains("tr0ub4dor"));
    }

    #[test]
    fn exception_is_enough() {
        assert_eq!(checked(".example")[0].status, Status::Ok);
        let none = check(&ProxySettings::default(), &[]);
        assert_eq!(none[0].status, Status::Ok);
    }
}
