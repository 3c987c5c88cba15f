//! The gateway's configuration: is the resolver asked at all, and where?

use std::path::Path;

use dcv_resolver_core::escape::escaped;
use dcv_resolver_dcv_config::{ConfigFileError, GatewayConfig, ResolverSection};

use crate::gateway_tls::{dcv_tls, resolver_tls};
use crate::hop::{Hop, HopKind};
use crate::meant_key::meant;
use crate::resolver_listener::ResolverListener;
use crate::tls_files;
use crate::url_parts::UrlParts;

const KIND: HopKind = HopKind::GatewayConfig;
const MAX_KEY_BYTES: usize = 64;
const MAX_HOST_BYTES: usize = 256;

/// Reads the file.
pub(crate) fn load(path: &Path) -> Result<GatewayConfig, Hop> {
    GatewayConfig::read(path).map_err(|error| {
        let change = match &error {
            ConfigFileError::Unreadable { .. } => {
                "run the command on the gateway as a user who may read the file"
            }
            _ => "correct the file: the gateway does not start with it",
        };
        Hop::fail(KIND, error.chain().to_string(), change)
    })
}

/// Checks the spelling of the keys.
pub(crate) fn check_keys(config: &GatewayConfig) -> Vec<Hop> {
    let hops = config.unknown_keys.iter().filter_map(|unknown| {
        // One that resembles nothing may be of a later version.
        let meant = meant(unknown)?;
        let key = escaped(&unknown.key, MAX_KEY_BYTES);
        let cause = match &unknown.section {
            None => format!("the gateway knows no section [{key}]"),
            Some(section) => format!("the gateway knows no setting {key} in [{section}]"),
        };
        Some(Hop::fail(KIND, cause, format!("write {meant}")))
    });
    hops.collect()
}

/// Checks the settings, also against those of the resolver if they are known.
pub(crate) fn check(config: &GatewayConfig, listener: Option<&ResolverListener>) -> Vec<Hop> {
    let mut hops = Vec::new();
    match &config.resolver {
        None => hops.push(Hop::fail(
            KIND,
            "the gateway's configuration has no section [resolver]",
            "add [resolver] with the url of the resolver; gateway-config prints it",
        )),
        Some(resolver) => resolver_section(resolver, listener, &mut hops),
    }
    let resources = config.web_resources.as_ref();
    if resources.is_none_or(|it| it.url.is_none() && it.local_resources_path.is_none()) {
        hops.push(Hop::fail(
            KIND,
            "the gateway's configuration has no pages of the web client in [web-resources]: browsers get 404, and the resolver is never asked",
            "add [web-resources] with local-resources-path = \"/usr/share/dcv/www\"",
        ));
    }
    if config.gateway.quic_listen_endpoints.is_empty() {
        hops.push(Hop::note(
            KIND,
            "no quic-listen-endpoints in [gateway]: no client gets QUIC, whatever the resolver answers",
        ));
    }
    for (section, tls_strict) in [
        (
            "[resolver]",
            config.resolver.as_ref().is_none_or(|it| it.tls_strict),
        ),
        ("[dcv]", config.dcv.tls_strict),
    ] {
        if !tls_strict {
            hops.push(Hop::note(
                KIND,
                format!("{section} has tls-strict = false: certificates are not checked"),
            ));
        }
    }
    hops.extend(tls_files::check("[dcv]", dcv_tls(&config.dcv)));
    hops
}

fn resolver_section(
    resolver: &ResolverSection,
    listener: Option<&ResolverListener>,
    hops: &mut Vec<Hop>,
) {
    match resolver.url.as_deref() {
        None => hops.push(Hop::fail(
            KIND,
            "[resolver] has no url",
            "add the url of the resolver; gateway-config prints it",
        )),
        Some(url) => hops.extend(url_problem(url, listener)),
    }
    let (certificate, key) = (&resolver.cert_file, &resolver.cert_key_file);
    if certificate.is_some() != key.is_some() {
        hops.push(Hop::fail(
            KIND,
            "[resolver] has only one of cert-file and cert-key-file",
            "set both or neither",
        ));
    }
    hops.extend(tls_files::check("[resolver]", resolver_tls(resolver)));
}

fn url_problem(url: &str, listener: Option<&ResolverListener>) -> Option<Hop> {
    let Some(parts) = UrlParts::parse(url).filter(|it| matches!(&*it.scheme, "http" | "https"))
    else {
        return Some(Hop::fail(
            KIND,
            "the url of [resolver] is not an http:// or https:// URL",
            "set url = \"http://resolver.example:9000\" with your names",
        ));
    };
    if let Some(address) = parts.address() {
        return Some(Hop::fail(
            KIND,
            format!(
                "the url of [resolver] has the IP address {address}, but the gateway accepts only domain names"
            ),
            "give the resolver a name, in DNS or in /etc/hosts of the gateway, and use it in url",
        ));
    }
    // A load balancer in between may change either.
    other_listener(&parts, listener?).map(|(cause, change)| Hop::warn(KIND, cause, change))
}

/// Returns how a URL differs from where the resolver listens, and what to change.
pub(crate) fn other_listener(
    url: &UrlParts,
    listener: &ResolverListener,
) -> Option<(String, String)> {
    let Some(port) = listener.port else {
        return Some((
            "the resolver listens on a Unix socket, which no gateway reaches".to_owned(),
            "set `listen` of the resolver to an address and a port, or put a proxy in front"
                .to_owned(),
        ));
    };
    if url.scheme != listener.scheme() {
        let speaks = if listener.has_tls {
            "TLS"
        } else {
            "plain HTTP"
        };
        return Some((
            format!(
                "the url of [resolver] starts with {}://, but the resolver is configured for {speaks}",
                escaped(&url.scheme, MAX_HOST_BYTES)
            ),
            format!("start url with {}://", listener.scheme()),
        ));
    }
    if url.port() != port {
        return Some((
            format!(
                "the url of [resolver] has port {}, but the resolver is configured to listen on port {port}",
                url.port()
            ),
            format!("use port {port} in url"),
        ));
    }
    if listener.is_local && !url.is_loopback() {
        return Some((
            format!(
                "the resolver listens on a loopback address, but the url of [resolver] has {}",
                escaped(&url.host, MAX_HOST_BYTES)
            ),
            "set `listen` of the resolver to an address that gateways reach, such as 0.0.0.0:9000"
                .to_owned(),
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hop::Status;

    const LISTENER: ResolverListener = ResolverListener {
        port: Some(9000),
        has_tls: false,
        is_local: false,
        local_url: None,
    };
    const PAGES: &str = "[gateway]\nquic-listen-endpoints = [\"0.0.0.0:8443\"]\n[web-resources]\nlocal-resources-path = \"/usr/share/dcv/www\"\n";

    fn checked(text: &str) -> Vec<Hop> {
        check(&GatewayConfig::parse(text).unwrap(), Some(&LISTENER))
    }

    #[test]
    fn complete_configuration_has_no_problem() {
        let text = format!("[resolver]\nurl = \"http://resolver.example:9000\"\n{PAGES}");
        assert_eq!(checked(&text), []);
    }

    #[test]
    fn problem_is_named_with_the_one_change() {
        for (resolver, status, cause, change) in [
            ("", Status::Fail, "no section [resolver]", "add [resolver]"),
            ("[resolver]\n", Status::Fail, "has no url", "add the url"),
            (
                "[resolver]\nurl = \"http://192.0.2.7:9000\"\n",
                Status::Fail,
                "IP address 192.0.2.7",
                "a name",
            ),
            (
                "[resolver]\nurl = \"resolver.example\"\n",
                Status::Fail,
                "not an http",
                "set url",
            ),
            (
                "[resolver]\nurl = \"http://resolver.example:9999\"\n",
                Status::Warn,
                "port 9999",
                "port 9000",
            ),
            (
                "[resolver]\nurl = \"https://resolver.example:9000\"\n",
                Status::Warn,
                "plain HTTP",
                "http://",
            ),
            (
                "[resolver]\nurl = \"http://resolver.example:9000\"\ncert-file = \"/etc/hostname\"\n",
                Status::Fail,
                "only one of",
                "both or neither",
            ),
            (
                "[resolver]\nurl = \"http://resolver.example:9000\"\nca-file = \"/nowhere/ca.pem\"\n",
                Status::Fail,
                "/nowhere/ca.pem",
                "the files of [resolver]",
            ),
        ] {
            let hops = checked(&format!("{resolver}{PAGES}"));
            let hop = hops.first().unwrap();
            assert_eq!(hop.status, status, "{hop}");
            let finding = hop.finding.as_ref().unwrap();
            assert!(finding.cause.contains(cause), "{finding}");
            assert!(finding.change.contains(change), "{finding}");
        }
    }

    #[test]
    fn missing_pages_are_a_failure_and_missing_quic_is_a_note() {
        let hops = checked("[resolver]\nurl = \"http://resolver.example:9000\"\n");
        assert_eq!(hops.len(), 2);
        assert!(hops[0].is_failed() && hops[0].detail.contains("[web-resources]"));
        assert!(!hops[1].is_failed() && hops[1].detail.contains("QUIC"));
    }

    #[test]
    fn certificates_that_are_not_checked_are_a_note() {
        let text = format!(
            "[resolver]\nurl = \"http://resolver.example:9000\"\ntls-strict = false\n{PAGES}[dcv]\ntls-strict = false\n"
        );
        let details: Vec<_> = checked(&text).into_iter().map(|hop| hop.detail).collect();
        assert_eq!(details.len(), 2);
        assert!(details.iter().all(|it| it.contains("tls-strict = false")));
    }

    #[test]
    fn listener_that_no_gateway_reaches_is_named() {
        let url = UrlParts::parse("http://resolver.example:9000").unwrap();
        let local = ResolverListener {
            is_local: true,
            ..LISTENER
        };
        let socket = ResolverListener {
            port: None,
            ..LISTENER
        };
        assert!(other_listener(&url, &local).unwrap().0.contains("loopback"));
        assert!(other_listener(&url, &socket).unwrap().0.contains("Unix"));
        assert_eq!(other_listener(&url, &LISTENER), None);
        let url = UrlParts::parse("http://resolver\u{1b}[2J:9000").unwrap();
        let (cause, _) = other_listener(&url, &local).unwrap();
        assert!(cause.ends_with(r"resolver\u{1b}[2J"), "{cause}");
    }
}
