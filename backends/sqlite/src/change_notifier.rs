//! [`ChangeNotifier`]: polls a database for changes and reports them.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{ChangeEvent, ChangeListener, StoreError, StoreErrorKind};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::change_log::{ChangeLog, Changes};
use crate::current_database::CurrentDatabase;
use crate::database::Database;

/// How often the database is polled: four times within the 100 ms in which a
/// change should be visible, which leaves time on a busy machine.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// How often a failed database is tried again, which is as often as lookups do.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// Polls a database for changes and reports them to one listener.
pub(crate) struct ChangeNotifier {
    database: Arc<Database>,
    listener: Arc<dyn ChangeListener>,
    /// `None` before the first `AllChanged` and during a gap.
    tracked: Option<TrackedDatabase>,
    state: ListenerState,
}

/// A database and the log of its changes.
struct TrackedDatabase {
    database: CurrentDatabase,
    log: ChangeLog,
    /// Closing the store waits for it.
    _follower: OwnedSemaphorePermit,
}

/// The state of the source that the listener knows.
enum ListenerState {
    /// Changes are reported, or nothing was reported yet.
    Connected,
    Disconnected,
    /// This database does not record changes.
    Unsupported(CurrentDatabase),
}

/// Why changes cannot be reported.
enum Gap {
    Disconnected(StoreError),
    /// The database can be read, and does not record changes.
    Unsupported(CurrentDatabase, StoreError),
}

impl ChangeNotifier {
    pub(crate) fn new(database: Arc<Database>, listener: Arc<dyn ChangeListener>) -> Self {
        Self {
            database,
            listener,
            tracked: None,
            state: ListenerState::Connected,
        }
    }

    /// Reports changes until the store is closed or the future is dropped.
    pub(crate) async fn run(mut self) {
        while !self.database.is_closed() {
            let pause = match self.poll().await {
                Ok(()) => POLL_INTERVAL,
                Err(_) if self.database.is_closed() => break,
                Err(gap) => {
                    self.report_gap(gap);
                    RETRY_INTERVAL
                }
            };
            tokio::time::sleep(pause).await;
        }
        if let Some(tracked) = self.tracked.take() {
            tracked.log.close().await;
        }
    }

    /// Reports what was committed before this call.
    async fn poll(&mut self) -> Result<(), Gap> {
        let started = Instant::now().into_std();
        let database = self.database.current().await.map_err(Gap::Disconnected)?;
        match self.read_changes(&database).await {
            Ok(Changes::Sessions(ids)) => {
                for id in &ids {
                    self.listener.on_change(ChangeEvent::Changed(id));
                }
            }
            Ok(Changes::Any) => self.listener.on_change(ChangeEvent::AllChanged),
            Err(error) if error.kind() == StoreErrorKind::Incompatible => {
                return Err(Gap::Unsupported(database, error));
            }
            Err(error) => return Err(Gap::Disconnected(error)),
        }
        self.listener.on_change(ChangeEvent::CaughtUp(started));
        if !matches!(self.state, ListenerState::Connected) {
            self.state = ListenerState::Connected;
            let path = self.database.path();
            tracing::info!(path = %path.display(), "following changes of the session database again");
        }
        Ok(())
    }

    async fn read_changes(&mut self, database: &CurrentDatabase) -> Result<Changes, StoreError> {
        if let Some(tracked) = &mut self.tracked
            && tracked.database.is_same(database)
        {
            return tracked.log.read().await;
        }
        // Before it connects: closing the store waits for connections that follow.
        let follower = self.database.follower()?;
        let log = ChangeLog::open(database.connect().await?).await?;
        let database = database.clone();
        self.tracked = Some(TrackedDatabase {
            database,
            log,
            _follower: follower,
        });
        Ok(Changes::Any)
    }

    /// Reports and logs a gap, unless the listener knows of it.
    fn report_gap(&mut self, gap: Gap) {
        self.tracked = None;
        let path = self.database.path();
        match (gap, &self.state) {
            (Gap::Disconnected(_), ListenerState::Disconnected) => {}
            (Gap::Disconnected(error), _) => {
                self.state = ListenerState::Disconnected;
                self.listener.on_change(ChangeEvent::Disconnected);
                tracing::warn!(
                    path = %path.display(),
                    error = %error.chain(),
                    "cannot follow changes of the session database; retrying"
                );
            }
            (Gap::Unsupported(database, _), ListenerState::Unsupported(known))
                if known.is_same(&database) => {}
            (Gap::Unsupported(database, error), _) => {
                self.state = ListenerState::Unsupported(database);
                self.listener.on_change(ChangeEvent::Unsupported);
                tracing::warn!(
                    path = %path.display(),
                    error = %error.chain(),
                    "session database does not record changes; caches fall back to TTLs"
                );
            }
        }
    }
}

impl Drop for ChangeNotifier {
    fn drop(&mut self) {
        if matches!(self.state, ListenerState::Connected) {
            self.listener.on_change(ChangeEvent::Disconnected);
        }
    }
}
