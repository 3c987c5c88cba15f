//! [`WatchedSessionFiles`]: session files, reloaded when they change.

use std::sync::Arc;

use dcv_resolver_ops::Metrics;
use dcv_resolver_static_file::{StaticFileStore, WatchOptions, Watcher};

use crate::failure::Failure;
use crate::store_chain::StoreChain;

/// Reloads the session files of a chain when they change. Dropping it waits for
/// a reload in progress.
#[derive(Debug, Default)]
pub(super) struct WatchedSessionFiles(Vec<WatchedFile>);

#[derive(Debug, Clone)]
struct WatchedFile {
    name: Arc<str>,
    store: Arc<StaticFileStore>,
    _watcher: Arc<Watcher>,
}

impl WatchedSessionFiles {
    /// Watches the files of another chain. Files that are already watched keep
    /// their watcher.
    pub(super) fn watch(&self, chain: &StoreChain, metrics: &Metrics) -> Result<Self, Failure> {
        let mut files = Vec::new();
        for store in chain.stores() {
            let Some(file) = store.opened().and_then(|open| open.session_file()) else {
                continue;
            };
            let known = self.0.iter().find(|known| Arc::ptr_eq(&known.store, file));
            files.push(match known {
                Some(known) => known.clone(),
                None => WatchedFile::new(store.name(), file, metrics)?,
            });
        }
        Ok(Self(files))
    }

    /// Shows the age of the data in the metrics.
    pub(super) fn show_ages(&self, metrics: &Metrics) {
        for WatchedFile { name, store, .. } in &self.0 {
            let store = Arc::clone(store);
            metrics.watch_age(Arc::clone(name), move || Some(store.loaded_at().elapsed()));
        }
    }
}

impl WatchedFile {
    fn new(name: &str, store: &Arc<StaticFileStore>, metrics: &Metrics) -> Result<Self, Failure> {
        let metrics = metrics.clone();
        let options = WatchOptions::default()
            .on_reload(move |reload| metrics.count_reload("sessions", reload.is_ok()));
        let watcher = Watcher::start_with(Arc::clone(store), options)
            .map_err(|error| Failure::setup(format!("cannot watch {name}: {error}")))?;
        Ok(Self {
            name: name.into(),
            store: Arc::clone(store),
            _watcher: Arc::new(watcher),
        })
    }
}
