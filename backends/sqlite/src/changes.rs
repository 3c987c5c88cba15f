//! `SqliteStore` as a [`ChangeSource`]: every change is reported to a listener.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{
    BoxFuture, ChangeEvent, ChangeListener, ChangeSource, StoreError, StoreErrorKind,
};
use tokio::time::Instant;

use crate::SqliteStore;
use crate::change_log::{ChangeLog, Changes};
use crate::current_database::CurrentDatabase;
use crate::database::Database;

/// How often the database is asked for changes: four times within the 100 ms
/// in which a change is to be visible, so that a busy machine may be late.
const ASK_EVERY: Duration = Duration::from_millis(25);

/// How often it is tried again while it fails, as lookups try it.
const TRY_EVERY: Duration = Duration::from_millis(250);

impl ChangeSource for SqliteStore {
    /// Reports every change to a session, whoever makes it. The future does not
    /// complete by itself.
    ///
    /// A change is reported within 25 ms and the time of a query, session by
    /// session; sessions that did not change are not reported. The source
    /// reports [`AllChanged`](ChangeEvent::AllChanged) at the start, when the
    /// file was replaced, when more than 1,000 changes come between two queries,
    /// and when tables were altered.
    ///
    /// It needs a connection of its own beside those of the store or the pool,
    /// 40 short queries a second, and nothing else while nothing changes.
    /// While the database cannot be read, the source is
    /// [`Disconnected`](ChangeEvent::Disconnected); it tries again four times a
    /// second and reports `AllChanged` when it succeeds. While the tables do not
    /// record changes, it is [`Unsupported`](ChangeEvent::Unsupported), and it
    /// tries again as well. It logs a warning of either, and a line when it is
    /// over.
    ///
    /// A host service's pool is followed the same way, through one more
    /// connection with the pool's options. Without a write-ahead log, that
    /// connection is one more reader for a writer to wait for.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use dcv_resolver_core::{ChangeListener, ChangeSource, StoreError};
    /// use dcv_resolver_sqlite::{SqliteConfig, SqliteStore};
    ///
    /// # async fn cached(cache: Arc<dyn ChangeListener>) -> Result<(), StoreError> {
    /// let store = SqliteStore::open(SqliteConfig::new("sessions.db")).await?;
    /// let watching = tokio::spawn(store.watch_changes(cache));
    /// // … look up through the cache …
    /// watching.abort();
    /// # Ok(())
    /// # }
    /// ```
    fn watch_changes(&self, listener: Arc<dyn ChangeListener>) -> BoxFuture<'static, ()> {
        let mut teller = Teller {
            database: Arc::clone(&self.database),
            listener,
            followed: None,
            said: Said::Changes,
        };
        Box::pin(async move {
            loop {
                let pause = match teller.ask().await {
                    Ok(()) => ASK_EVERY,
                    Err(failure) => {
                        teller.failed(failure);
                        TRY_EVERY
                    }
                };
                tokio::time::sleep(pause).await;
            }
        })
    }
}

/// Asks the database for changes, and tells the listener.
struct Teller {
    database: Arc<Database>,
    listener: Arc<dyn ChangeListener>,
    /// `None` until all changed was told, and while nothing can be.
    followed: Option<Followed>,
    said: Said,
}

/// The changes of one file, or of a host service's database.
struct Followed {
    source: CurrentDatabase,
    log: ChangeLog,
}

/// What the listener knows of whether changes are told.
enum Said {
    /// They are, or nothing was said yet.
    Changes,
    Lost,
    /// They are not, of what is there.
    Untold(CurrentDatabase),
}

enum Failure {
    Lost(StoreError),
    /// It can be read, and does not note changes.
    Untold(CurrentDatabase, StoreError),
}

impl Teller {
    async fn ask(&mut self) -> Result<(), Failure> {
        let begun = Instant::now().into_std();
        let source = self.database.current().await.map_err(Failure::Lost)?;
        match self.changes(&source).await {
            Ok(Changes::Sessions(ids)) => ids
                .iter()
                .for_each(|id| self.listener.on_change(ChangeEvent::Changed(id))),
            Ok(Changes::Any) => self.listener.on_change(ChangeEvent::AllChanged),
            Err(error) if error.kind() == StoreErrorKind::Incompatible => {
                return Err(Failure::Untold(source, error));
            }
            Err(error) => return Err(Failure::Lost(error)),
        }
        self.listener.on_change(ChangeEvent::CaughtUp(begun));
        if !matches!(self.said, Said::Changes) {
            self.said = Said::Changes;
            let path = self.database.path();
            tracing::info!(path = %path.display(), "changes in the session database are followed again");
        }
        Ok(())
    }

    async fn changes(&mut self, source: &CurrentDatabase) -> Result<Changes, StoreError> {
        if let Some(followed) = &mut self.followed
            && followed.source.is_same(source)
        {
            return followed.log.read().await;
        }
        let log = ChangeLog::open(source.connect().await?).await?;
        let source = source.clone();
        self.followed = Some(Followed { source, log });
        Ok(Changes::Any)
    }

    fn failed(&mut self, failure: Failure) {
        self.followed = None;
        let path = self.database.path();
        match (failure, &self.said) {
            (Failure::Lost(_), Said::Lost) => {}
            (Failure::Lost(error), _) => {
                self.said = Said::Lost;
                self.listener.on_change(ChangeEvent::Disconnected);
                tracing::warn!(
                    path = %path.display(),
                    error = %error.chain(),
                    "changes in the session database cannot be followed; it is tried again"
                );
            }
            (Failure::Untold(source, _), Said::Untold(known)) if known.is_same(&source) => {}
            (Failure::Untold(source, error), _) => {
                self.said = Said::Untold(source);
                self.listener.on_change(ChangeEvent::Unsupported);
                tracing::warn!(
                    path = %path.display(),
                    error = %error.chain(),
                    "the session database does not note changes; what is cached lives by its lifetime"
                );
            }
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if matches!(self.said, Said::Changes) {
            self.listener.on_change(ChangeEvent::Disconnected);
        }
    }
}
