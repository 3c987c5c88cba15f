#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod change_log;
mod change_notifier;
mod changes;
mod config;
mod connect;
mod current_database;
mod database;
mod database_file;
mod error;
mod file_identity;
mod import;
mod listing;
mod open_file;
mod page_position;
mod pooled_connection;
mod registry;
mod row;
mod schema;
mod sidecars;
mod store;

pub use config::{InvalidSqliteUrl, SqliteConfig};
pub use schema::{MIGRATIONS, migrate};
pub use store::SqliteStore;
