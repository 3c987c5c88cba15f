#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod collector;
mod content_hash;
mod cooperative_yield;
mod diagnostic;
mod error;
mod expression;
mod field;
mod file;
mod format;
mod index;
mod json;
mod node;
mod options;
mod other_format;
mod pattern;
mod read;
mod read_pattern;
mod session;
mod sorted;
mod spelling;
mod store;
mod template;
mod toml;
mod watched_store;
mod watcher;

pub use diagnostic::Diagnostic;
pub use error::LoadError;
pub use file::SessionFile;
pub use format::Format;
pub use options::WatchOptions;
pub use pattern::SessionPattern;
pub use store::{Reload, StaticFileStore};
pub use watcher::Watcher;
