//! [`SqliteStore::tell_changes`]: a listener hears of every change.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{ChangeListener, StoreError};
use tokio::time::Instant;

use crate::SqliteStore;
use crate::change_log::{ChangeLog, Changes};
use crate::database::Database;
use crate::source::Source;

/// How often the database is asked for changes: four times within the 100 ms
/// in which a change is to be visible, so that a busy machine may be late.
const ASK_EVERY: Duration = Duration::from_millis(25);

/// How often it is tried again while it fails, as lookups try it.
const TRY_EVERY: Duration = Duration::from_millis(250);

impl SqliteStore {
    /// Tells `listener` of every change to a session, whoever makes it, for as
    /// long as the future runs; it does not end by itself. Spawn it: it is
    /// independent of this store. Dropped, it tells that it is
    /// [`lost`](ChangeListener::lost).
    ///
    /// A change is told within 25 ms and the time of a query, one by one:
    /// sessions that did not change are not told. Every change is told at once
    /// ([`all_changed`](ChangeListener::all_changed)) to begin with, when the
    /// file was replaced, when more than 1,000 changes come between two queries,
    /// and when tables were altered.
    ///
    /// It needs a connection of its own beside those of the store or the pool,
    /// 40 short queries a second, and nothing else while nothing changes.
    /// While the database cannot be read it is lost, tries again four times a
    /// second, and tells all changed when it succeeds. It logs a warning when
    /// it is lost and a line when it is back.
    ///
    /// A host service's pool is followed the same way, through one more
    /// connection with the pool's options. Without a write-ahead log, that
    /// connection is one more reader for a writer to wait for.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use dcv_resolver_core::{ChangeListener, StoreError};
    /// use dcv_resolver_sqlite::{SqliteConfig, SqliteStore};
    ///
    /// # async fn cached(cache: Arc<dyn ChangeListener>) -> Result<(), StoreError> {
    /// let store = SqliteStore::open(SqliteConfig::new("sessions.db")).await?;
    /// let telling = tokio::spawn(store.tell_changes(cache));
    /// // … look up through the cache …
    /// telling.abort();
    /// # Ok(())
    /// # }
    /// ```
    pub fn tell_changes(
        &self,
        listener: Arc<dyn ChangeListener>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let mut teller = Teller {
            database: Arc::clone(&self.database),
            listener,
            followed: None,
            is_lost: false,
        };
        async move {
            loop {
                let pause = match teller.ask().await {
                    Ok(()) => ASK_EVERY,
                    Err(error) => {
                        teller.failed(&error);
                        TRY_EVERY
                    }
                };
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// Asks the database for changes, and tells the listener.
struct Teller {
    database: Arc<Database>,
    listener: Arc<dyn ChangeListener>,
    /// `None` until all changed was told, and once it is lost.
    followed: Option<Followed>,
    is_lost: bool,
}

/// The changes of one file, or of a host service's database.
struct Followed {
    source: Source,
    log: ChangeLog,
}

impl Teller {
    async fn ask(&mut self) -> Result<(), StoreError> {
        let begun = Instant::now().into_std();
        let source = self.database.source().await?;
        let changes = match &mut self.followed {
            Some(followed) if followed.source.is(&source) => followed.log.read().await?,
            _ => {
                let log = ChangeLog::open(source.connect().await?).await?;
                self.followed = Some(Followed { source, log });
                Changes::Any
            }
        };
        match changes {
            Changes::Of(ids) => ids.iter().for_each(|id| self.listener.changed(id)),
            Changes::Any => self.listener.all_changed(),
        }
        self.listener.confirmed(begun);
        if std::mem::take(&mut self.is_lost) {
            let path = self.database.path();
            tracing::info!(path = %path.display(), "changes in the session database are followed again");
        }
        Ok(())
    }

    fn failed(&mut self, error: &StoreError) {
        self.followed = None;
        if std::mem::replace(&mut self.is_lost, true) {
            return;
        }
        self.listener.lost();
        let path = self.database.path();
        tracing::warn!(
            path = %path.display(),
            error = %error.chain(),
            "changes in the session database cannot be followed; it is tried again"
        );
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if !self.is_lost {
            self.listener.lost();
        }
    }
}
