//! [`ChangeLog`]: which sessions changed, as recorded by the database.
//!
//! Triggers record every change of a session in the table `dcv_session_change`,
//! whichever program makes it. `PRAGMA data_version` shows more cheaply than a
//! query of the table whether anything was committed.
//!
//! A trigger can be removed, with its table or alone. Every such statement
//! changes `PRAGMA schema_version`, as does SQLite's backup when it copies the
//! pages of another database into this one.

use dcv_resolver_core::{SessionId, StoreError};
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

use crate::error::store_error;
use crate::schema;

/// Reads from the entry that was read last, which proves that none is missing.
const ENTRIES: &str = "SELECT seq, id FROM dcv_session_change WHERE seq >= ?1 ORDER BY seq";

/// What changed since the log was last read.
pub(crate) enum Changes {
    /// These sessions and no other.
    Sessions(Vec<SessionId>),
    /// More than the log keeps, or something that the log does not record.
    Any,
}

/// The log and the position up to which it was read.
pub(crate) struct ChangeLog {
    connection: SqliteConnection,
    position: Position,
}

struct Position {
    /// Changes with every commit of another connection. The value is meaningful
    /// to this connection only.
    data_version: i64,
    schema_version: i64,
    /// The entry that was read last.
    seq: i64,
}

impl Position {
    /// Returns the position behind the newest entry. The data version is read
    /// first, so that a commit in the meantime is noticed by the next read.
    async fn newest(connection: &mut SqliteConnection) -> Result<Self, StoreError> {
        let data_version = data_version(connection).await?;
        let schema_version = schema_version(connection).await?;
        schema::check_readable(connection).await?;
        schema::check_change_log(connection).await?;
        let seq = sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM dcv_session_change")
            .fetch_one(connection)
            .await
            .map_err(store_error)?;
        Ok(Self {
            data_version,
            schema_version,
            seq,
        })
    }
}

impl ChangeLog {
    /// Returns the log from now on. The connection must be used for nothing else:
    /// `PRAGMA data_version` ignores a connection's own changes.
    pub(crate) async fn open(mut connection: SqliteConnection) -> Result<Self, StoreError> {
        let position = Position::newest(&mut connection).await?;
        Ok(Self {
            connection,
            position,
        })
    }

    pub(crate) async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "connection that follows changes not closed");
        }
    }

    /// Returns what was committed before this call and was not read yet.
    pub(crate) async fn read(&mut self) -> Result<Changes, StoreError> {
        let data_version = data_version(&mut self.connection).await?;
        if data_version == self.position.data_version {
            return Ok(Changes::Sessions(Vec::new()));
        }
        if schema_version(&mut self.connection).await? != self.position.schema_version {
            self.position = Position::newest(&mut self.connection).await?;
            return Ok(Changes::Any);
        }
        let entries: Vec<(i64, Vec<u8>)> = sqlx::query_as(ENTRIES)
            .bind(self.position.seq)
            .fetch_all(&mut self.connection)
            .await
            .map_err(store_error)?;
        let Some(((first, _), new)) = entries.split_first() else {
            self.position = Position::newest(&mut self.connection).await?;
            return Ok(Changes::Any);
        };
        let is_complete = *first == self.position.seq;
        self.position.seq = new.last().map_or(*first, |(seq, _)| *seq);
        self.position.data_version = data_version;
        if is_complete {
            Ok(Changes::Sessions(new.iter().filter_map(id).collect()))
        } else {
            Ok(Changes::Any)
        }
    }
}

/// Returns `None` for an id that another program wrote and no lookup can ask for.
fn id((_, id): &(i64, Vec<u8>)) -> Option<SessionId> {
    SessionId::new(std::str::from_utf8(id).ok()?).ok()
}

async fn data_version(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    sqlx::query_scalar("PRAGMA data_version")
        .fetch_one(connection)
        .await
        .map_err(store_error)
}

async fn schema_version(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    sqlx::query_scalar("PRAGMA schema_version")
        .fetch_one(connection)
        .await
        .map_err(store_error)
}
