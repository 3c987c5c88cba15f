#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod absolute_path;
mod backup;
mod cause;
mod change_log;
mod change_notifier;
mod changes;
mod config;
mod connect;
mod current_database;
mod database;
mod database_file;
mod error;
mod file_access;
mod file_identity;
mod import;
mod invalid_url;
mod lane;
#[cfg(unix)]
mod leftover_log;
mod listing;
mod open_file;
mod page_position;
mod pooled_connection;
mod registry;
mod row;
mod schema;
mod sidecar_paths;
mod sidecars;
mod store;
mod write_check;

pub use backup::{BackupError, RestoreSummary};
pub use config::SqliteConfig;
pub use invalid_url::InvalidSqliteUrl;
pub use schema::{MIGRATIONS, Migration, migrate};
/// The version of sqlx whose pool [`SqliteStore::with_pool`] and [`migrate`]
/// accept.
pub use sqlx;
pub use store::SqliteStore;
