//! [`Settings`]: what a gateway does by its configuration.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use dcv_resolver_client::{BaseUrl, InvalidBaseUrl, TlsOptions, TlsVersion};
use dcv_resolver_dcv_config::{
    DcvSection, GatewayConfig, GatewaySection, MinimumTlsVersion, ResolverSection,
};

use crate::start_error::StartError;

/// A configuration with which a gateway starts.
#[derive(Debug)]
pub(super) struct Settings {
    /// Where clients connect.
    pub(super) web_addresses: Vec<SocketAddr>,
    /// Whether clients may use QUIC.
    pub(super) has_quic: bool,
    /// The files of its own certificate and key. Without, it uses one that it has
    /// signed itself.
    pub(super) certificate: Option<(PathBuf, PathBuf)>,
    pub(super) resolver_url: BaseUrl,
    pub(super) resolver_tls: TlsOptions,
    pub(super) establish_timeout: Duration,
    pub(super) dcv_tls: TlsOptions,
    pub(super) local_resources_path: Option<PathBuf>,
}

impl Settings {
    /// Checks what a gateway requires.
    pub(super) fn new(config: &GatewayConfig) -> Result<Self, StartError> {
        let GatewayConfig {
            resolver,
            gateway,
            dcv,
            web_resources,
            ..
        } = config;
        let resolver = resolver.as_ref().ok_or_else(|| {
            StartError::invalid("there is no section [resolver]; add it with the resolver's url")
        })?;
        let resources = web_resources.as_ref();
        let mut resolver_tls = tls_options(
            resolver.ca_file.as_deref(),
            resolver.tls_strict,
            resolver.minimum_tls_version,
        );
        let client_certificate = pair("resolver", &resolver.cert_file, &resolver.cert_key_file)?;
        if let Some((certificate, key)) = client_certificate {
            resolver_tls = resolver_tls.client_certificate(certificate, key);
        }
        let DcvSection {
            ca_file,
            tls_strict,
            minimum_tls_version,
            ..
        } = dcv;
        Ok(Self {
            web_addresses: web_addresses(gateway)?,
            has_quic: !gateway.quic_listen_endpoints.is_empty(),
            certificate: pair("gateway", &gateway.cert_file, &gateway.cert_key_file)?,
            resolver_url: resolver_url(resolver)?,
            resolver_tls,
            establish_timeout: resolver.http_establish_timeout,
            dcv_tls: tls_options(ca_file.as_deref(), *tls_strict, *minimum_tls_version),
            local_resources_path: resources.and_then(|it| it.local_resources_path.clone()),
        })
    }
}

fn web_addresses(gateway: &GatewaySection) -> Result<Vec<SocketAddr>, StartError> {
    let endpoints = &gateway.web_listen_endpoints;
    if endpoints.is_empty() {
        return Err(StartError::invalid(
            "[gateway] web-listen-endpoints is empty; list at least one address",
        ));
    }
    let addresses = endpoints.iter().map(|endpoint| {
        let ip = endpoint.ip().ok_or_else(|| {
            StartError::invalid(format!(
                "[gateway] web-listen-endpoints has {:?}; \
                 expected an address, with or without a port",
                endpoint.address()
            ))
        })?;
        let port = endpoint.port().unwrap_or(gateway.web_port);
        Ok(SocketAddr::new(ip, port))
    });
    addresses.collect()
}

fn resolver_url(resolver: &ResolverSection) -> Result<BaseUrl, StartError> {
    let url = resolver
        .url
        .as_deref()
        .ok_or_else(|| StartError::invalid("[resolver] has no url; add the URL of the resolver"))?;
    let url: BaseUrl = url
        .parse()
        .map_err(|error: InvalidBaseUrl| StartError::new("cannot use [resolver]", error))?;
    if url.host().parse::<IpAddr>().is_ok() {
        return Err(StartError::invalid(
            "[resolver] url has an address; the gateway accepts only a domain name",
        ));
    }
    Ok(url)
}

fn tls_options(ca_file: Option<&Path>, strict: bool, minimum: MinimumTlsVersion) -> TlsOptions {
    let minimum = match minimum {
        MinimumTlsVersion::Tls13 => TlsVersion::Tls13,
        _ => TlsVersion::Tls12,
    };
    let tls = TlsOptions::default()
        .strict(strict)
        .minimum_version(minimum);
    match ca_file {
        Some(path) => tls.ca_file(path),
        None => tls,
    }
}

fn pair(
    section: &str,
    certificate: &Option<PathBuf>,
    key: &Option<PathBuf>,
) -> Result<Option<(PathBuf, PathBuf)>, StartError> {
    if certificate.is_some() != key.is_some() {
        return Err(StartError::invalid(format!(
            "[{section}] has one of cert-file and cert-key-file; set both or neither"
        )));
    }
    Ok(certificate.clone().zip(key.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "[gateway]\nweb-listen-endpoints = [\"192.0.2.1\"]\n\
                         [resolver]\nurl = \"http://resolver.example:9000\"\n";

    fn settings(text: &str) -> Result<Settings, StartError> {
        Settings::new(&GatewayConfig::parse(text).unwrap())
    }

    #[test]
    fn defaults_are_those_of_the_gateway() {
        let settings = settings(LEAST).unwrap();
        let address = "192.0.2.1:8443".parse().unwrap();
        assert_eq!(settings.web_addresses, [address]);
        assert!(!settings.has_quic);
        assert_eq!(settings.certificate, None);
        assert_eq!(settings.resolver_tls, TlsOptions::default());
        assert_eq!(settings.dcv_tls, TlsOptions::default());
        assert_eq!(settings.establish_timeout, Duration::from_secs(10));
        assert_eq!(settings.local_resources_path, None);
    }

    #[test]
    fn settings_of_tls_are_those_of_the_file() {
        let more = "ca-file = \"a\"\ncert-file = \"b\"\ncert-key-file = \"c\"\n\
                    minimum-tls-version = \"tls13\"\nhttp-establish-timeout = 3\n\
                    [dcv]\nca-file = \"d\"\ntls-strict = false\n";
        let settings = settings(&format!("{LEAST}{more}")).unwrap();
        let resolver = TlsOptions::default()
            .ca_file("a")
            .client_certificate("b", "c")
            .minimum_version(TlsVersion::Tls13);
        assert_eq!(settings.resolver_tls, resolver);
        let dcv = TlsOptions::default().ca_file("d").strict(false);
        assert_eq!(settings.dcv_tls, dcv);
        assert_eq!(settings.establish_timeout, Duration::from_secs(3));
    }

    #[test]
    fn configuration_with_which_no_gateway_starts_names_the_key() {
        for (from, to, key) in [
            ("resolver.example", "192.0.2.7", "[resolver] url"),
            ("resolver.example", "[2001:db8::7]", "[resolver] url"),
            ("\"192.0.2.1\"", "", "web-listen-endpoints"),
            ("192.0.2.1", "gateway.example", "web-listen-endpoints"),
            (
                "[resolver]\n",
                "[resolver]\ncert-file = \"a\"\n",
                "cert-key-file",
            ),
            (
                "[gateway]\n",
                "[gateway]\ncert-key-file = \"a\"\n",
                "cert-key-file",
            ),
            ("url", "uri", "[resolver] has no url"),
            ("[resolver]", "[other]", "no section [resolver]"),
        ] {
            let error = settings(&LEAST.replace(from, to)).unwrap_err();
            assert!(error.to_string().contains(key), "{to}: {error}");
        }
    }
}
