#![doc = include_str!("../README.md")]

mod change_log;
mod changes;
mod config;
mod connection;
mod database;
mod database_file;
mod error;
mod file_identity;
mod import;
mod listing;
mod open_file;
mod registry;
mod row;
mod schema;
mod source;
mod store;

pub use config::{InvalidSqliteUrl, SqliteConfig};
pub use schema::{MIGRATIONS, migrate};
pub use store::SqliteStore;
