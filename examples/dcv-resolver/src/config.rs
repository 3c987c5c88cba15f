//! The configuration: one TOML file, environment variables, flags. A flag
//! overrides its environment variable, and both override the file.
//!
//! | file | |
//! |---|---|
//! | `shape.rs`, `store.rs` with `cache.rs`, `redis.rs` and `upstream.rs`, `tls.rs`, `callers.rs`, `proxy_protocol.rs`, `ops.rs`, `admin.rs`, `policy.rs`, `limits.rs`, `shutdown.rs`, `log.rs`, `telemetry.rs` | the keys, as types, a file for each section; their comments are the documentation |
//! | `number.rs`, `text.rs`, `listen_address.rs`, `log_directives.rs`, `log_format.rs` | values with rules of their own |
//! | `client_tls.rs` | contradictions among the TLS files of a store |
//! | `schema.rs` | the JSON Schema of the types |
//! | `validate.rs` | a file against the schema: every error, not only the first |
//! | `consistency.rs` | values that contradict each other |
//! | `valid_part.rs` | what is left of a file without its errors |
//! | `diagnostic.rs`, `spelling.rs`, `error.rs`, `invalid_text.rs` | error messages |
//! | `read.rs` | a file, read and parsed |
//! | `source.rs` | file, environment and flags, combined |
//! | `check_configuration.rs` | the text of a file alone |

mod admin;
mod cache;
mod callers;
mod check_configuration;
mod client_tls;
mod consistency;
mod diagnostic;
mod error;
mod invalid_text;
mod limits;
mod listen_address;
mod log;
mod log_directives;
mod log_format;
mod number;
mod ops;
mod policy;
mod proxy_protocol;
mod read;
mod redis;
mod schema;
mod shape;
mod shutdown;
mod source;
mod spelling;
mod store;
mod telemetry;
mod text;
mod tls;
mod upstream;
mod valid_part;
mod validate;

pub(crate) use admin::Admin;
pub use check_configuration::check_configuration;
pub(crate) use error::ConfigError;
pub(crate) use limits::Limits;
pub(crate) use listen_address::ListenAddress;
pub(crate) use log::Log;
pub(crate) use log_directives::LogDirectives;
pub(crate) use log_format::LogFormat;
pub(crate) use number::{Period, TimeBudget, Within};
pub(crate) use policy::{ClientNetworks, UnknownClient};
pub(crate) use schema::schema;
pub(crate) use shape::Config;
pub(crate) use source::Source;
pub(crate) use spelling::nearest;
pub(crate) use store::Store;
pub(crate) use telemetry::Telemetry;
pub(crate) use text::{Address, Listen};
pub(crate) use tls::Tls;
