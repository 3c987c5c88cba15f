//! [`ChangeSource`] for [`SqliteStore`].

use std::sync::Arc;

use dcv_resolver_core::{BoxFuture, ChangeListener, ChangeSource};

use crate::change_notifier::ChangeNotifier;
use crate::store::SqliteStore;

impl ChangeSource for SqliteStore {
    /// Reports every change to a session, whichever process makes it. The
    /// future completes when the store is closed.
    ///
    /// A change is reported within 25 ms plus the time of a query, session by
    /// session; sessions that did not change are not reported. The source
    /// reports [`AllChanged`](dcv_resolver_core::ChangeEvent::AllChanged) at the
    /// start, when the file was replaced, when more than 1,000 changes come
    /// between two queries, and when tables were altered.
    ///
    /// The source needs one connection in addition to those of the store or the
    /// pool, and 40 short queries per second. It does nothing else while
    /// nothing changes.
    ///
    /// While the database cannot be read, the source is
    /// [`Disconnected`](dcv_resolver_core::ChangeEvent::Disconnected). While the
    /// tables do not record changes, it is
    /// [`Unsupported`](dcv_resolver_core::ChangeEvent::Unsupported). In both
    /// cases it tries again four times a second and reports `AllChanged` when
    /// it succeeds. It logs one warning, and one event when the problem is
    /// over.
    ///
    /// The pool of a host service is followed in the same way, through one more
    /// connection with the pool's options. Without a write-ahead log, that
    /// connection is one more reader that a writer waits for.
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
        let notifier = ChangeNotifier::new(Arc::clone(&self.database), listener);
        Box::pin(notifier.run())
    }
}
