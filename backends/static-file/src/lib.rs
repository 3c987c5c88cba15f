#![doc = include_str!("../README.md")]

mod collector;
mod diagnostic;
mod error;
mod field;
mod file;
mod follower;
mod format;
mod index;
mod json;
mod node;
mod notifications;
mod read;
mod session;
mod signature;
mod sorted;
mod spelling;
mod store;
mod toml;
mod turns;
mod watcher;
mod way;

pub use diagnostic::Diagnostic;
pub use error::LoadError;
pub use file::SessionFile;
pub use format::Format;
pub use store::{Reload, StaticFileStore};
pub use watcher::{WatchOptions, Watcher};
