#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod authority;
mod certificates;
mod client;
mod dcv_command;
mod dcv_server;
mod dcv_session;
mod desktop;
mod gateway;
mod identity;
mod start_error;
mod tls_server;
mod token_verifier;
mod verdict;
mod web_client;

pub use certificates::write_certificates;
pub use client::{OpenError, open_link};
pub use dcv_command::DcvCommand;
/// The configuration of a gateway, for [`GatewayStandIn::start`].
pub use dcv_resolver_dcv_config::GatewayConfig;
pub use dcv_server::{DcvServerBuilder, DcvServerStandIn};
pub use dcv_session::DcvSession;
pub use desktop::Desktop;
pub use gateway::{GatewayMetric, GatewayProtocol, GatewayStandIn};
pub use start_error::StartError;
pub use web_client::write_web_client;
