//! [`OpenStore`]: a store, opened from its URL.

use std::path::PathBuf;
use std::sync::Arc;

use dcv_resolver_core::{
    ChangeSource, MemoryStore, Resolver, SessionImport, SessionListing, SessionStore, StoreError,
    StoreErrorKind,
};
use dcv_resolver_redis::RedisStore;
use dcv_resolver_sqlite::SqliteStore;
use dcv_resolver_static_file::StaticFileStore;

use crate::failure::Failure;
use crate::open_error::OpenError;
use crate::session_file;
use crate::store_url::StoreUrl;

/// A store and its name for logs.
#[derive(Debug)]
pub(crate) struct OpenStore {
    pub(crate) name: String,
    pub(crate) access: Access,
    pub(crate) changes: Option<Arc<dyn ChangeSource>>,
}

/// What can be done with a store.
#[derive(Debug)]
pub(crate) enum Access {
    ReadOnly(Arc<StaticFileStore>),
    ReadWrite(Arc<dyn SessionImport>),
}

/// What to do if a database does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Create it: the command writes.
    Create,
    /// Fail: an empty database at a mistyped path would answer that no session
    /// exists.
    Fail,
}

impl OpenStore {
    /// Opens a store and names it by its URL.
    pub(crate) async fn open(url: StoreUrl, missing: Missing) -> Result<Self, Failure> {
        Ok(Self::named(url.name(), url, missing).await?)
    }

    pub(crate) async fn named(
        name: String,
        url: StoreUrl,
        missing: Missing,
    ) -> Result<Self, OpenError> {
        let (access, changes): (_, Option<Arc<dyn ChangeSource>>) = match url {
            StoreUrl::File(path) => (Access::ReadOnly(Arc::new(load(path).await?)), None),
            StoreUrl::Sqlite(config) => {
                let path = config.path().to_owned();
                let config = config.create_if_missing(missing == Missing::Create);
                let store = SqliteStore::open(config).await.map_err(|error| {
                    let mut failure = store_failure(&name, &error);
                    if missing == Missing::Fail && path.try_exists().is_ok_and(|exists| !exists) {
                        failure =
                            Failure::setup(format!("{failure}; import or register creates it"));
                    }
                    OpenError { error, failure }
                })?;
                let store = Arc::new(store);
                let changes = Arc::<SqliteStore>::clone(&store);
                (Access::ReadWrite(store), Some(changes))
            }
            StoreUrl::Redis(config) => {
                let store = Arc::new(RedisStore::new(*config));
                let changes = Arc::<RedisStore>::clone(&store);
                (Access::ReadWrite(store), Some(changes))
            }
            StoreUrl::Memory => (Access::ReadWrite(Arc::new(MemoryStore::new())), None),
        };
        Ok(Self {
            name,
            access,
            changes,
        })
    }

    /// Returns the store. A session file is not watched yet.
    pub(crate) fn store(&self) -> Arc<dyn SessionStore> {
        match &self.access {
            Access::ReadOnly(store) => Arc::<StaticFileStore>::clone(store),
            Access::ReadWrite(store) => Arc::<dyn SessionImport>::clone(store),
        }
    }

    /// Returns a resolver over this store alone.
    pub(crate) fn resolver(&self) -> Result<Resolver, Failure> {
        Resolver::builder()
            .store(self.name.as_str(), self.store())
            .build()
            .map_err(|error| Failure::setup(error.to_string()))
    }

    /// Returns the session file, if the store is one.
    pub(crate) fn session_file(&self) -> Option<&Arc<StaticFileStore>> {
        match &self.access {
            Access::ReadOnly(store) => Some(store),
            Access::ReadWrite(_) => None,
        }
    }

    /// Returns the store as a listing.
    pub(crate) fn listing(&self) -> Arc<dyn SessionListing> {
        match &self.access {
            Access::ReadOnly(store) => Arc::<StaticFileStore>::clone(store),
            Access::ReadWrite(store) => Arc::<dyn SessionImport>::clone(store),
        }
    }

    /// Returns the store as a registry.
    pub(crate) fn registry(&self) -> Result<&Arc<dyn SessionImport>, Failure> {
        match &self.access {
            Access::ReadOnly(_) => Err(is_read_only(&self.name)),
            Access::ReadWrite(store) => Ok(store),
        }
    }

    /// Returns the failure of the store.
    pub(crate) fn failure(&self, error: &StoreError) -> Failure {
        store_failure(&self.name, error)
    }
}

/// Returns the failure of a write to the session file `name`.
pub(crate) fn is_read_only(name: &str) -> Failure {
    Failure::setup(format!(
        "{name} is read-only: edit the file, or use a sqlite: or redis: store"
    ))
}

/// Loads a session file on a thread of its own: a large one takes seconds.
async fn load(path: PathBuf) -> Result<StaticFileStore, OpenError> {
    let loading = tokio::task::spawn_blocking(move || session_file::load(&path));
    loading.await.unwrap_or_else(|error| {
        let message = format!("cannot read the session file: {error}");
        Err(OpenError {
            error: StoreError::new("static_file", StoreErrorKind::Other)
                .with_source(message.clone()),
            failure: Failure::setup(message),
        })
    })
}

fn store_failure(name: &str, error: &StoreError) -> Failure {
    let chain = error.chain().to_string();
    // The name already shows which backend it is.
    let backend = format!("{}: ", error.backend());
    let chain = chain.strip_prefix(&backend).unwrap_or(&chain);
    Failure::setup(format!("{name}: {chain}"))
}
