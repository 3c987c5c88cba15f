//! The TLS settings of a gateway's configuration, for a client.

use dcv_resolver_client::{TlsOptions, TlsVersion};
use dcv_resolver_dcv_config::{DcvSection, MinimumTlsVersion, ResolverSection};

/// Returns the settings with which a gateway connects to its resolver. A client
/// certificate is presented only if both of its files are set.
pub fn resolver_tls(section: &ResolverSection) -> TlsOptions {
    let mut options = TlsOptions::default()
        .strict(section.tls_strict)
        .minimum_version(version(section.minimum_tls_version));
    if let Some(path) = &section.ca_file {
        options = options.ca_file(path);
    }
    if let (Some(certificate), Some(key)) = (&section.cert_file, &section.cert_key_file) {
        options = options.client_certificate(certificate, key);
    }
    options
}

/// Returns the settings with which a gateway connects to DCV servers.
pub fn dcv_tls(section: &DcvSection) -> TlsOptions {
    let options = TlsOptions::default()
        .strict(section.tls_strict)
        .minimum_version(version(section.minimum_tls_version));
    match &section.ca_file {
        Some(path) => options.ca_file(path),
        None => options,
    }
}

const fn version(minimum: MinimumTlsVersion) -> TlsVersion {
    match minimum {
        MinimumTlsVersion::Tls13 => TlsVersion::Tls13,
        _ => TlsVersion::Tls12,
    }
}

#[cfg(test)]
mod tests {
    use dcv_resolver_dcv_config::GatewayConfig;

    use super::*;

    #[test]
    fn settings_of_the_file_are_those_of_the_client() {
        let config = GatewayConfig::parse(
            "[resolver]\nca-file = \"a\"\ncert-file = \"b\"\ncert-key-file = \"c\"\n\
             tls-strict = false\nminimum-tls-version = \"tls13\"\n\
             [dcv]\nca-file = \"d\"\nminimum-tls-version = \"tls13\"\n",
        )
        .unwrap();
        let resolver = TlsOptions::default()
            .ca_file("a")
            .client_certificate("b", "c")
            .strict(false)
            .minimum_version(TlsVersion::Tls13);
        assert_eq!(resolver_tls(&config.resolver.unwrap()), resolver);
        let dcv = TlsOptions::default()
            .ca_file("d")
            .minimum_version(TlsVersion::Tls13);
        assert_eq!(dcv_tls(&config.dcv), dcv);
        let unset = TlsOptions::default();
        assert_eq!(resolver_tls(&ResolverSection::default()), unset);
        assert_eq!(dcv_tls(&DcvSection::default()), unset);
    }
}
