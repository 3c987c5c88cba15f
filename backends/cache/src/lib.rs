#![doc = include_str!("../README.md")]

mod config;
mod counter;
mod entries;
mod flight;
mod flights;
mod freshness;
mod key;
mod listener;
mod registry;
mod shared;
mod signal;
mod stale;
mod stats;
mod store;

pub use config::CacheConfig;
pub use stats::CacheStats;
pub use store::CachedStore;
