//! [`SessionFiles`]: the session files of a chain, followed.

use std::sync::Arc;

use dcv_resolver_ops::Metrics;
use dcv_resolver_static_file::{StaticFileStore, WatchOptions, Watcher};

use crate::chain::Chain;
use crate::failure::Failure;

/// Reloads the session files of a chain when they change, until it is dropped,
/// which waits for a reload that is under way.
#[derive(Debug, Default)]
pub(super) struct SessionFiles(Vec<Followed>);

#[derive(Debug, Clone)]
struct Followed {
    name: Arc<str>,
    store: Arc<StaticFileStore>,
    _watcher: Arc<Watcher>,
}

impl SessionFiles {
    /// Follows those of another chain. What is followed already is followed
    /// on.
    pub(super) fn follow(&self, chain: &Chain, metrics: &Metrics) -> Result<Self, Failure> {
        let mut files = Vec::new();
        for store in chain.stores() {
            let Some(file) = store.open.session_file() else {
                continue;
            };
            let known = self.0.iter().find(|known| Arc::ptr_eq(&known.store, file));
            files.push(match known {
                Some(known) => known.clone(),
                None => Followed::new(&store.open.name, file, metrics)?,
            });
        }
        Ok(Self(files))
    }

    /// Shows how old what they hold is.
    pub(super) fn show_ages(&self, metrics: &Metrics) {
        for Followed { name, store, .. } in &self.0 {
            let store = Arc::clone(store);
            metrics.watch_age(Arc::clone(name), move || Some(store.loaded_at().elapsed()));
        }
    }
}

impl Followed {
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
