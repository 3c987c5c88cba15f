//! `gateway-config`: prints the gateway's section for a configuration.

use std::net::IpAddr;

use dcv_resolver_core::Host;

use crate::certificates;
use crate::cli::GatewayConfigOptions;
use crate::config::{Config, Source};
use crate::failure::Failure;
use crate::output::line;

pub(crate) fn run(options: GatewayConfigOptions) -> Result<(), Failure> {
    let config = Source::new(options.config).load()?;
    let host = match options.url_host {
        Some(name) => domain_name(&name)?,
        None => certified_name(&config)?,
    };
    line(section(&config, &host, options.ca_file)?)
}

/// Validates a domain name: the gateway does not accept addresses.
fn domain_name(text: &str) -> Result<Host, Failure> {
    let expected = "the gateway accepts only a domain name, such as resolver.example";
    if text.parse::<IpAddr>().is_ok() || text.starts_with('[') {
        return Err(Failure::setup(format!(
            "--url-host is the address {text:?}; {expected}"
        )));
    }
    text.parse()
        .map_err(|error| Failure::setup(format!("--url-host is {text:?}: {error}; {expected}")))
}

/// Returns the first domain name of the certificate that is not a wildcard.
fn certified_name(config: &Config) -> Result<Host, Failure> {
    let missing = |why: String| Failure::setup(format!("{why}; give --url-host NAME"));
    let files = config.tls.as_ref().ok_or_else(|| {
        missing("without TLS there is no certificate with the resolver's name".to_owned())
    })?;
    let tls = certificates::load(files).map_err(|failure| missing(failure.to_string()))?;
    let certificate = tls.certificate();
    let mut names = certificate.dns_names().iter();
    names
        .find_map(|name| name.parse().ok())
        .ok_or_else(|| missing("the certificate has no domain name except wildcards".to_owned()))
}

fn section(config: &Config, host: &Host, ca_file: Option<String>) -> Result<String, Failure> {
    let address = &config.listen.0;
    let port = match address.port() {
        Some(0) => {
            Err("`listen` has port 0, which is a different port at each start; set a fixed port")
        }
        None => {
            Err("`listen` is a Unix socket, which a gateway cannot use; set an address and a port")
        }
        Some(port) => Ok(port),
    };
    let port = port.map_err(Failure::setup)?;
    let mut text = String::from(
        "\
# For /etc/dcv-connection-gateway/dcv-connection-gateway.conf. A change in
# [resolver] needs no more than: systemctl reload dcv-connection-gateway
#
# Two settings elsewhere in that file decide whether the resolver is asked at
# all. Without [web-resources] the web client's pages are 404, and no session is
# ever asked for. Without quic-listen-endpoints in [gateway] no client gets
# QUIC, whatever the resolver offers.
",
    );
    if address.is_local() {
        text.push_str(
            "#
# The resolver listens on a loopback address: only a gateway on the same machine
# reaches it.
",
        );
    }
    let scheme = if config.tls.is_some() {
        "https"
    } else {
        "http"
    };
    text.push_str(&format!(
        "\n[resolver]\nurl = \"{scheme}://{host}:{port}\"\n"
    ));
    let Some(tls) = &config.tls else {
        return match ca_file {
            None => Ok(text),
            Some(_) => Err(Failure::setup(
                "--ca-file is of no use: without [tls] in the configuration, the resolver has no certificate",
            )),
        };
    };
    let ca_file = match ca_file {
        Some(file) => format!("ca-file = {}", toml::Value::from(file)),
        None => "# ca-file = \"/etc/dcv-connection-gateway/resolver-ca.pem\"".to_owned(),
    };
    text.push_str(&format!(
        "
# The CA of the resolver's certificate, where it is none of the system's. With
# this line no other CA counts.
{ca_file}
"
    ));
    if tls.client_ca_file.is_some() {
        text.push_str(
            "
# The resolver refuses callers without a certificate. Put the gateway's here,
# PEM, the key in PKCS#8, readable for the user dcvcgw.
cert-file = \"/etc/dcv-connection-gateway/gateway.pem\"
cert-key-file = \"/etc/dcv-connection-gateway/gateway-key.pem\"
",
        );
    }
    Ok(text)
}
