//! [`ChangeSource`] for [`PostgresStore`]: what its triggers `NOTIFY`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{
    BoxFuture, ChangeEvent, ChangeListener, ChangeSource, SessionId, StoreError, StoreErrorKind,
};
use sqlx::PgPool;
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::error::store_error;
use crate::store::PostgresStore;

/// How often the source confirms that nothing was missed.
const INTERVAL: Duration = Duration::from_millis(25);

/// A server that takes longer than this is down.
const PATIENCE: Duration = Duration::from_secs(1);

/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(250);

/// The schema of the table, if its triggers are there and enabled.
const SCHEMA_OF_TRIGGERS: &str = "SELECT nspname::text FROM pg_class \
    JOIN pg_namespace ON pg_namespace.oid = relnamespace \
    WHERE pg_class.oid = 'dcv_session'::regclass AND (SELECT count(*) FROM pg_trigger \
    WHERE tgrelid = pg_class.oid AND tgenabled IN ('O', 'A') \
    AND tgname IN ('dcv_session_changed', 'dcv_session_truncated')) = 2";

impl ChangeSource for PostgresStore {
    /// Opens one connection beside the pool.
    fn watch_changes(&self, listener: Arc<dyn ChangeListener>) -> BoxFuture<'static, ()> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let mut reporter = Reporter {
                listener,
                last: Last::Nothing,
            };
            loop {
                let Err(error) = follow(&pool, &mut reporter).await;
                reporter.gap(if error.is_retryable() {
                    ChangeEvent::Disconnected
                } else {
                    ChangeEvent::Unsupported
                });
                sleep(PAUSE).await;
            }
        })
    }
}

/// Reports changes until the connection is lost.
async fn follow(pool: &PgPool, reporter: &mut Reporter) -> Result<Infallible, StoreError> {
    // Not from the pool: a connection that hangs would keep its place there.
    let own = PgPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with((*pool.connect_options()).clone());
    let mut feed = within(PgListener::connect_with(&own)).await?;
    // Otherwise a lost connection would be replaced, and what changed meanwhile
    // would not be reported.
    feed.eager_reconnect(false);
    let schema = sqlx::query_scalar(SCHEMA_OF_TRIGGERS).fetch_optional(&mut feed);
    let schema: Option<String> = within(schema).await?;
    let schema = schema.ok_or_else(|| {
        StoreError::new("postgres", StoreErrorKind::Incompatible)
            .with_source("the table dcv_session lacks a trigger, or one is disabled; migrate it")
    })?;
    within(feed.listen(&format!("dcv_session.{schema}"))).await?;
    // From here on, no change is missed; any earlier change may have been.
    reporter.report(ChangeEvent::AllChanged);
    loop {
        // The notifications of what was committed before this statement arrive
        // before its result.
        let asked = Instant::now();
        within(sqlx::query("SELECT 1").execute(&mut feed)).await?;
        while let Some(notification) = feed.next_buffered() {
            reporter.changed(notification.payload());
        }
        reporter.report(ChangeEvent::CaughtUp(asked.into_std()));

        // Until the next time, changes are reported as they arrive.
        let next = asked + INTERVAL;
        while Instant::now() < next {
            match timeout_at(next, feed.try_recv()).await {
                Ok(Ok(Some(notification))) => reporter.changed(notification.payload()),
                Ok(Ok(None)) => {
                    return Err(StoreError::new("postgres", StoreErrorKind::Unavailable));
                }
                Ok(Err(error)) => return Err(store_error(error)),
                Err(_elapsed) => {}
            }
        }
    }
}

/// Limits how long a server may take that neither answers nor closes.
async fn within<T>(call: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    match timeout(PATIENCE, call).await {
        Ok(answer) => answer.map_err(store_error),
        Err(_elapsed) => Err(StoreError::new("postgres", StoreErrorKind::TimedOut)),
    }
}

/// Keeps to the order of events that the contract demands: no change is reported
/// in a gap, and dropping it begins one.
struct Reporter {
    listener: Arc<dyn ChangeListener>,
    last: Last,
}

#[derive(PartialEq)]
enum Last {
    Nothing,
    Change,
    Gap(ChangeEvent<'static>),
}

impl Reporter {
    fn report(&mut self, event: ChangeEvent<'_>) {
        self.last = Last::Change;
        self.listener.on_change(event);
    }

    /// Reports a change of the session with this id, or of any session if it is
    /// not an id.
    fn changed(&mut self, id: &str) {
        match SessionId::new(id) {
            Ok(id) => self.report(ChangeEvent::Changed(&id)),
            Err(_) => self.report(ChangeEvent::AllChanged),
        }
    }

    fn gap(&mut self, event: ChangeEvent<'static>) {
        if self.last != Last::Gap(event) {
            self.last = Last::Gap(event);
            self.listener.on_change(event);
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        if self.last == Last::Change {
            self.gap(ChangeEvent::Disconnected);
        }
    }
}
