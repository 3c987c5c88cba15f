#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod combine;
mod config;
mod failure;
mod invalid_url;
mod store;

pub use config::UpstreamConfig;
pub use invalid_url::InvalidUpstreamUrl;
pub use store::UpstreamStore;
