#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod config_file;
mod connectivity;
mod dcv_server_config;
mod gateway_config;
mod gateway_keys;
mod invalid_config;
mod key_file;
mod listen_endpoint;
mod security;

pub use config_file::ConfigFileError;
pub use connectivity::Connectivity;
pub use dcv_server_config::DcvServerConfig;
pub use gateway_config::{
    DcvSection, GatewayConfig, GatewaySection, MinimumTlsVersion, ResolverSection,
    WebResourcesSection,
};
pub use gateway_keys::UnknownKey;
pub use invalid_config::InvalidConfig;
pub use listen_endpoint::{InvalidListenEndpoint, ListenEndpoint};
pub use security::Security;
