#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod cache;
mod config;
mod counter;
mod entries;
mod epochs;
mod freshness;
mod in_flight;
#[cfg(test)]
mod interleavings;
mod listener;
mod load;
mod monitor;
mod outage;
mod registry;
mod source_state;
mod stale_events;
mod store;
mod sync;

pub use config::CacheConfig;
pub use monitor::CacheMonitor;
pub use store::CachedStore;

// Programs share these among threads and tasks.
const _: fn() = || {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<CacheMonitor>();
};
