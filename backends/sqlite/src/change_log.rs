//! [`ChangeLog`]: which sessions changed, by the database's own account.
//!
//! Triggers note every change of a session in the table `dcv_session_change`,
//! whichever program makes it. `PRAGMA data_version` says for less than a look
//! into the table whether there may be something new in it.
//!
//! A trigger can be gone: with its table, when somebody makes that anew, or by
//! a statement of its own. Every such change moves `PRAGMA schema_version`, as
//! does SQLite's backup, when it puts another database's pages into this one.

use dcv_resolver_core::{SessionId, StoreError};
use sqlx::sqlite::SqliteConnection;

use crate::error::store_error;
use crate::schema;

/// From the entry that was read last.
const ENTRIES: &str = "SELECT seq, id FROM dcv_session_change WHERE seq >= ?1 ORDER BY seq";

/// What happened since the log was last read.
#[derive(Debug)]
pub(crate) enum Changes {
    /// To these sessions, and no other.
    Of(Vec<SessionId>),
    /// More than the log has kept, or something that is not in it.
    Any,
}

/// The log, and how far it was read.
#[derive(Debug)]
pub(crate) struct ChangeLog {
    connection: SqliteConnection,
    position: Position,
}

#[derive(Debug)]
struct Position {
    /// Moves with every commit of another connection; means nothing to others.
    data_version: i64,
    schema_version: i64,
    /// The entry that was read last.
    seq: i64,
}

impl Position {
    /// What is committed while this looks has a later version than the first
    /// that it looks up, so that it is read afterwards.
    async fn newest(connection: &mut SqliteConnection) -> Result<Self, StoreError> {
        let data_version = data_version(connection).await?;
        let schema_version = schema_version(connection).await?;
        schema::check(connection).await?;
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
    /// The log from now on, read through a connection that does nothing else:
    /// `PRAGMA data_version` does not tell of a connection's own changes.
    pub(crate) async fn open(mut connection: SqliteConnection) -> Result<Self, StoreError> {
        let position = Position::newest(&mut connection).await?;
        Ok(Self {
            connection,
            position,
        })
    }

    /// What was committed before this call, and has not been read yet.
    pub(crate) async fn read(&mut self) -> Result<Changes, StoreError> {
        let data_version = data_version(&mut self.connection).await?;
        if data_version == self.position.data_version {
            return Ok(Changes::Of(Vec::new()));
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
            Ok(Changes::Of(new.iter().filter_map(id).collect()))
        } else {
            Ok(Changes::Any)
        }
    }
}

/// `None` for what another program called a session and nobody can look up.
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
