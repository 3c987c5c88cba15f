#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backoff;
mod changes;
mod config;
mod connect;
mod connection;
mod error;
mod reply;
mod scan;
mod scripts;
mod store;
mod supervisor;
mod tls;
mod topology;
mod unreadable;
mod url;
mod value;

pub use config::RedisConfig;
pub use connection::RedisConnection;
pub use store::RedisStore;
