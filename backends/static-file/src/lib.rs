#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod chosen_domain;
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

pub use dcv_resolver_file_watch::Reload;
pub use diagnostic::Diagnostic;
pub use error::LoadError;
pub use file::SessionFile;
pub use format::Format;
pub use options::WatchOptions;
pub use pattern::SessionPattern;
pub use store::StaticFileStore;
pub use watcher::Watcher;

// Programs share these among threads and tasks.
const _: fn() = || {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<LoadError>();
    is_shared::<Watcher>();
    is_shared::<WatchOptions>();
};
