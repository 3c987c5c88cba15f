//! [`GatewayConfigOptions`]: the options of `gateway-config`.

use clap::Args;

use super::config::ConfigOptions;

#[derive(Debug, Args)]
pub(crate) struct GatewayConfigOptions {
    /// Uses this domain name in the resolver's URL; gateways must be able to
    /// resolve it [default: the first domain name of the certificate].
    #[arg(long, value_name = "NAME")]
    pub(crate) url_host: Option<String>,

    /// The gateway's copy of the CA that issued the resolver's certificate
    /// [default: the gateway trusts the CAs of its system].
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<String>,

    #[command(flatten)]
    pub(crate) config: ConfigOptions,
}
