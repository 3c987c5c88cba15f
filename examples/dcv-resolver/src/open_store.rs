//! [`OpenStore`]: a store, opened from its URL.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use dcv_resolver_core::{
    ChangeSource, MemoryStore, Resolver, SessionImport, SessionListing, SessionStore, StoreError,
    StoreErrorKind,
};
use dcv_resolver_redis::RedisStore;
use dcv_resolver_sqlite::{MIGRATIONS, Migration, SqliteStore};
use dcv_resolver_static_file::StaticFileStore;
use dcv_resolver_upstream::{UpstreamConfig, UpstreamStore};

use crate::failure::Failure;
use crate::file_modes;
use crate::interrupt::interrupted;
use crate::open_error::OpenError;
use crate::session_file;
use crate::store_url::StoreUrl;

/// A store and its name for logs.
#[derive(Debug)]
pub(crate) struct OpenStore {
    pub(crate) name: String,
    pub(crate) access: Access,
    pub(crate) changes: Option<Arc<dyn ChangeSource>>,
    database: Option<Arc<SqliteStore>>,
    redis: Option<Arc<RedisStore>>,
}

/// What can be done with a store.
#[derive(Debug)]
pub(crate) enum Access {
    ReadOnly(Arc<StaticFileStore>),
    /// Another resolver, which can only be asked.
    LookupOnly(Arc<UpstreamStore>),
    ReadWrite(Arc<dyn SessionImport>),
}

/// What a command does with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Reads. A database is opened read-only, and never migrated.
    Read,
    /// Reads and writes. An older database is migrated.
    Write,
    /// Reads, and writes unless the database has to be migrated first.
    WriteUnmigrated,
    /// Writes. A database that does not exist is created; otherwise an empty one
    /// at a mistyped path would answer that no session exists.
    Create,
}

impl OpenStore {
    /// Opens a store, calls `work` with it and closes it, also after a failure or
    /// a signal.
    pub(crate) async fn with<T>(
        url: StoreUrl,
        purpose: Purpose,
        work: impl AsyncFnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let store = Self::named(url.name(), url, purpose).await?;
        store.report_migration().await;
        let done = tokio::select! {
            done = work(&store) => done,
            failure = interrupted() => Err(failure),
        };
        store.close().await;
        done
    }

    pub(crate) async fn named(
        name: String,
        url: StoreUrl,
        purpose: Purpose,
    ) -> Result<Self, OpenError> {
        let mut database = None;
        let mut redis = None;
        let (access, changes): (_, Option<Arc<dyn ChangeSource>>) = match url {
            StoreUrl::File(path) => (Access::ReadOnly(Arc::new(load(path).await?)), None),
            StoreUrl::Sqlite(config) => {
                let path = config.path().to_owned();
                let config = match purpose {
                    Purpose::Read => config.read_only(true),
                    Purpose::Write => config,
                    Purpose::WriteUnmigrated => config.migrate(false),
                    Purpose::Create => config.create_if_missing(true),
                };
                let store = SqliteStore::open(config).await.map_err(|error| {
                    let mut failure = store_failure(&name, &error);
                    if purpose != Purpose::Create && path.try_exists().is_ok_and(|exists| !exists) {
                        failure =
                            Failure::setup(format!("{failure}; import or register creates it"));
                    }
                    OpenError { error, failure }
                })?;
                let store = Arc::new(store);
                database = Some(Arc::clone(&store));
                let changes = Arc::<SqliteStore>::clone(&store);
                (Access::ReadWrite(store), Some(changes))
            }
            StoreUrl::Redis(config) => {
                let store = Arc::new(RedisStore::new(*config));
                let changes = Arc::<RedisStore>::clone(&store);
                redis = Some(Arc::clone(&store));
                (Access::ReadWrite(store), Some(changes))
            }
            StoreUrl::Upstream(config) => {
                (Access::LookupOnly(upstream(&name, *config).await?), None)
            }
            StoreUrl::Memory => (Access::ReadWrite(Arc::new(MemoryStore::new())), None),
        };
        Ok(Self {
            name,
            access,
            changes,
            database,
            redis,
        })
    }

    /// Closes a database, so that its file alone holds every session.
    pub(crate) async fn close(&self) {
        if let Some(database) = &self.database {
            database.close().await;
        }
    }

    /// Reports on standard error that opening the database migrated it.
    async fn report_migration(&self) {
        let Some(database) = &self.database else {
            return;
        };
        if let Some(Migration { from: 1.., to, .. }) = database.migration().await {
            // Without standard error the command still works.
            let _ignored = writeln!(
                io::stderr(),
                "dcv-resolver: {}: migrated to schema version {to}; older versions of this program refuse it from now on",
                self.name
            );
        }
    }

    /// Returns warnings about the store, if it is a database: who may read it, and
    /// that serve would migrate it.
    pub(crate) async fn database_warnings(
        &self,
        migrates: bool,
    ) -> Result<Vec<String>, StoreError> {
        let Some(database) = &self.database else {
            return Ok(Vec::new());
        };
        let mut warnings = Vec::from_iter(self.readable_by_others());
        let (found, known) = (database.schema_version().await?, MIGRATIONS.len());
        if found < known && migrates {
            warnings.push(format!(
                "the schema version is {found}; serve will migrate it to {known}, and older versions of this program will then refuse it"
            ));
        }
        Ok(warnings)
    }

    /// Returns a warning if every user may read the store, if it is a database.
    pub(crate) fn readable_by_others(&self) -> Option<String> {
        file_modes::of_database(&self.database.as_ref()?.path())
    }

    /// Returns the store as a database.
    pub(crate) fn database(&self) -> Result<&SqliteStore, Failure> {
        self.database.as_deref().ok_or_else(|| {
            Failure::setup(format!("{}: this command needs a sqlite: store", self.name))
        })
    }

    /// Returns the store. A session file is not watched yet.
    pub(crate) fn store(&self) -> Arc<dyn SessionStore> {
        match &self.access {
            Access::ReadOnly(store) => Arc::<StaticFileStore>::clone(store),
            Access::LookupOnly(store) => Arc::<UpstreamStore>::clone(store),
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
            Access::LookupOnly(_) | Access::ReadWrite(_) => None,
        }
    }

    /// Returns the store as a listing, if its sessions can be listed.
    pub(crate) fn listing(&self) -> Option<Arc<dyn SessionListing>> {
        match &self.access {
            Access::ReadOnly(store) => Some(Arc::<StaticFileStore>::clone(store)),
            Access::LookupOnly(_) => None,
            Access::ReadWrite(store) => Some(Arc::<dyn SessionImport>::clone(store)),
        }
    }

    /// Returns the store as a registry.
    pub(crate) fn registry(&self) -> Result<&Arc<dyn SessionImport>, Failure> {
        match &self.access {
            Access::ReadOnly(_) | Access::LookupOnly(_) => Err(is_read_only(&self.name)),
            Access::ReadWrite(store) => Ok(store),
        }
    }

    /// Whether [`warnings`](Self::warnings) may return any.
    pub(crate) fn has_warnings(&self) -> bool {
        self.redis.is_some()
    }

    /// Returns what is likely to lose sessions of the store.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be asked: many servers do not permit it.
    pub(crate) async fn warnings(&self) -> Result<Vec<String>, StoreError> {
        let Some(redis) = &self.redis else {
            return Ok(Vec::new());
        };
        let warnings = redis.warnings().await?;
        Ok(warnings.iter().map(ToString::to_string).collect())
    }

    /// Returns [`warnings`](Self::warnings), or one that the store cannot be asked.
    pub(crate) async fn warnings_or_why_not(&self) -> Vec<String> {
        self.warnings().await.unwrap_or_else(|error| {
            vec![format!(
                "cannot ask {} whether it is likely to lose sessions: {}",
                self.name,
                cause(&error)
            )]
        })
    }

    /// Returns the failure of the store.
    pub(crate) fn failure(&self, error: &StoreError) -> Failure {
        store_failure(&self.name, error)
    }
}

/// Returns the failure of a write to `name`, a session file or another resolver.
pub(crate) fn is_read_only(name: &str) -> Failure {
    Failure::setup(format!(
        "{name} is read-only; writable stores are sqlite:, redis://, rediss://, redis+unix://, redis+sentinel:// and redis+cluster://"
    ))
}

/// Opens another resolver on a thread of its own: its certificates are read.
async fn upstream(name: &str, config: UpstreamConfig) -> Result<Arc<UpstreamStore>, OpenError> {
    let opening = tokio::task::spawn_blocking(move || UpstreamStore::new(config));
    let opened = opening.await.unwrap_or_else(|error| {
        Err(StoreError::new("upstream", StoreErrorKind::Other).with_source(error))
    });
    opened.map(Arc::new).map_err(|error| OpenError {
        failure: store_failure(name, &error),
        error,
    })
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
    Failure::setup(format!("{name}: {}", cause(error)))
}

/// Returns the error with its sources, without the backend, which the name of the
/// store shows already.
fn cause(error: &StoreError) -> String {
    let chain = error.chain().to_string();
    let backend = format!("{}: ", error.backend());
    chain.strip_prefix(&backend).unwrap_or(&chain).to_owned()
}
