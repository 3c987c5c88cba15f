#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod contents;
mod explained;
mod file_watch;
mod guard;
mod last_reported;
mod open;
mod reload;
mod stamp;
mod thread;
mod unlinked;
#[cfg(feature = "tokio")]
mod watched_files;

pub use contents::{Content, MAX_BYTES, digest, read};
pub use last_reported::LastReported;
pub use open::open;
pub use reload::Reload;
pub use thread::{AfterReload, WatchThread};
#[cfg(feature = "tokio")]
pub use watched_files::WatchedFiles;
