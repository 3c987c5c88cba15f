//! A backend of your own: sessions in PostgreSQL. The chapter "Write a backend"
//! of the guide follows it file by file.

mod changes;
mod error;
mod listing;
mod registry;
mod row;
mod store;

pub use store::PostgresStore;
