//! [`ServerOptions`]: where a DCV server listens.

use std::path::PathBuf;

use clap::{Args, value_parser};
use dcv_resolver_core::WebUrlPath;

/// Where a DCV server listens: its configuration, and what is set instead.
#[derive(Debug, Args)]
pub(crate) struct ServerOptions {
    /// Reads ports and path of the DCV server from this file [default: for an
    /// agent, /etc/dcv/dcv.conf, if that exists].
    #[arg(long, value_name = "FILE")]
    pub(crate) dcv_config: Option<PathBuf>,

    /// The TCP port for HTTP and WebSocket [default: web-port of dcv.conf, or
    /// 8443].
    #[arg(long, value_name = "PORT", value_parser = value_parser!(u16).range(1..))]
    pub(crate) http_port: Option<u16>,

    /// The UDP port for QUIC [default: quic-port of dcv.conf, if it enables
    /// QUIC].
    #[arg(long, value_name = "PORT", value_parser = value_parser!(u16).range(1..))]
    pub(crate) quic_port: Option<u16>,

    /// The DCV server's web-url-path [default: the one in dcv.conf, or /].
    #[arg(long, value_name = "PATH")]
    pub(crate) web_url_path: Option<WebUrlPath>,
}

impl ServerOptions {
    /// Returns whether any of them is given.
    pub(crate) fn is_given(&self) -> bool {
        let Self {
            dcv_config,
            http_port,
            quic_port,
            web_url_path,
        } = self;
        dcv_config.is_some() || http_port.is_some() || quic_port.is_some() || web_url_path.is_some()
    }
}
