#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backoff;
mod changes;
mod cluster;
mod config;
mod connect;
mod connection;
mod credentials;
mod deadline;
mod dial;
mod error;
mod eviction;
mod failure;
mod invalid_url;
mod link;
mod live;
mod masters;
mod options;
mod origin;
mod outage_log;
mod paced_resolver;
mod peer;
mod protocol;
mod reply;
mod scan;
mod scripts;
mod secret_file;
mod sentinel;
mod server_text;
mod servers;
mod store;
mod supervisor;
mod tls;
mod topology;
mod unreadable;
mod url;
mod url_parameters;
mod value;
mod warning;
mod warnings;

pub use config::RedisConfig;
pub use connection::RedisConnection;
pub use invalid_url::InvalidRedisUrl;
pub use options::RedisOptions;
pub use protocol::{InvalidRedisProtocol, RedisProtocol};
/// The version of redis whose connections a [`RedisConnection`] is created
/// from.
pub use redis;
pub use store::RedisStore;
pub use warning::RedisWarning;

// Programs share these among threads and tasks.
const _: fn() = || {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<RedisConfig>();
    is_shared::<RedisConnection>();
    is_shared::<RedisOptions>();
    is_shared::<RedisWarning>();
};
