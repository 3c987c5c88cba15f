//! The tables, and which version of them a database holds.
//!
//! We keep the version in a table of our own, rather than in `PRAGMA
//! user_version`, which belongs to the host service, or in sqlx's
//! `_sqlx_migrations`, where two sets of migrations over one database take
//! each other for missing. Bringing a database up to date is one transaction
//! that starts as a writer, so that of two processes one does it and the
//! other finds it done.

use dcv_resolver_core::{StoreError, StoreErrorKind};
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{Connection, raw_sql};

use crate::error::{error, store_error};

/// The SQL of each version of the tables, oldest first; also in the package's
/// folder `migrations/`.
///
/// Each takes the version before it to its own, and writes that down in the
/// table `dcv_session_schema`. A host service that runs all its migrations
/// from one place may copy them there instead of calling [`migrate`].
pub const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_session.sql"),
    include_str!("../migrations/0002_session_change.sql"),
];

/// Brings the tables in the database behind `pool` up to date, making them
/// where they are missing.
///
/// The host service's own tables, its `PRAGMA user_version` and its sqlx
/// migrations are left alone. All names start with `dcv_session`. Calling it
/// again, or from several processes at once, is harmless.
///
/// It takes the driver's pool on purpose, as
/// [`SqliteStore::with_pool`](crate::SqliteStore::with_pool) does.
///
/// # Errors
///
/// `Incompatible`, when the tables are of a newer version than this library
/// knows, or others of their names are there; otherwise the kind of what
/// SQLite reports, with the database as it was.
pub async fn migrate(pool: &SqlitePool) -> Result<(), StoreError> {
    let mut connection = pool.acquire().await.map_err(store_error)?;
    upgrade(&mut connection, Missing::Create).await
}

/// What to do about a database without our tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    Create,
    Refuse,
}

/// The tables are not of the version that this library works with.
#[derive(Debug, thiserror::Error)]
enum WrongSchema {
    #[error(
        "the database holds no table dcv_session; a store makes it when it is opened with create_if_missing, and migrate makes it in a database of your own"
    )]
    Missing,
    #[error(
        "the tables are of version {found}, older than {known}, which this program needs; open the database once for writing, or migrate it"
    )]
    Older { found: usize, known: usize },
    #[error(
        "the tables are of version {found}, newer than {known}, the last that this program knows; update this program"
    )]
    Newer { found: usize, known: usize },
}

/// See the table `dcv_session_change`.
#[derive(Debug, thiserror::Error)]
#[error(
    "of the {needed} triggers that note changes of sessions the database holds {found}, so that changes would be missed; make them anew, as in migrations/0002_session_change.sql"
)]
struct NoChangeLog {
    needed: i64,
    found: i64,
}

impl WrongSchema {
    fn into_error(self) -> StoreError {
        error(StoreErrorKind::Incompatible).with_source(self)
    }
}

/// A run of versions of the tables.
#[derive(Debug, Clone, Copy)]
struct Schema(&'static [&'static str]);

const SCHEMA: Schema = Schema(MIGRATIONS);

/// Needs the tables to be of our version.
pub(crate) async fn check(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    SCHEMA.check(connection).await
}

/// Needs every change of a session to be noted in `dcv_session_change`.
pub(crate) async fn check_change_log(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let needed = 5;
    let found = sqlx::query_scalar(
        "SELECT count(*) FROM sqlite_schema \
         WHERE type = 'trigger' AND name GLOB 'dcv_session_change_*' \
         AND tbl_name IN ('dcv_session', 'dcv_session_change')",
    )
    .fetch_one(connection)
    .await
    .map_err(store_error)?;
    if found == needed {
        return Ok(());
    }
    Err(error(StoreErrorKind::Incompatible).with_source(NoChangeLog { needed, found }))
}

/// Brings the tables up to our version.
pub(crate) async fn upgrade(
    connection: &mut SqliteConnection,
    missing: Missing,
) -> Result<(), StoreError> {
    SCHEMA.upgrade(connection, missing).await
}

impl Schema {
    async fn check(self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let known = self.0.len();
        match known - self.pending(connection).await?.len() {
            0 => Err(WrongSchema::Missing.into_error()),
            found if found < known => Err(WrongSchema::Older { found, known }.into_error()),
            _ => Ok(()),
        }
    }

    async fn upgrade(
        self,
        connection: &mut SqliteConnection,
        missing: Missing,
    ) -> Result<(), StoreError> {
        if self.pending(connection).await?.is_empty() {
            return Ok(());
        }
        let mut writer = connection
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(store_error)?;
        // Another process may have been quicker.
        let pending = self.pending(&mut writer).await?;
        if pending.len() == self.0.len() && missing == Missing::Refuse {
            return Err(WrongSchema::Missing.into_error());
        }
        for migration in pending {
            raw_sql(*migration)
                .execute(&mut *writer)
                .await
                .map_err(store_error)?;
        }
        writer.commit().await.map_err(store_error)
    }

    /// The migrations that the database still needs.
    async fn pending(
        self,
        connection: &mut SqliteConnection,
    ) -> Result<&'static [&'static str], StoreError> {
        let found = version(connection).await.map_err(store_error)?;
        self.0.get(found..).ok_or_else(|| {
            let known = self.0.len();
            WrongSchema::Newer { found, known }.into_error()
        })
    }
}

/// 0 where our tables are missing.
async fn version(connection: &mut SqliteConnection) -> Result<usize, sqlx::Error> {
    let tables: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'dcv_session_schema'",
    )
    .fetch_one(&mut *connection)
    .await?;
    if tables == 0 {
        return Ok(0);
    }
    let version: u32 =
        sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM dcv_session_schema")
            .fetch_one(connection)
            .await?;
    Ok(version as usize)
}

#[cfg(test)]
mod tests {
    use sqlx::AssertSqlSafe;

    use super::*;

    const SECOND: &str = "ALTER TABLE dcv_session ADD COLUMN second TEXT;
        UPDATE dcv_session_schema SET version = 2";
    const BROKEN: &str = "ALTER TABLE dcv_session ADD COLUMN broken TEXT;
        UPDATE dcv_session_schema SET version = 2;
        UPDATE no_such_table SET a = 1";

    const V1: Schema = Schema(&[MIGRATIONS[0]]);
    const V2: Schema = Schema(&[MIGRATIONS[0], SECOND]);
    const V2_BROKEN: Schema = Schema(&[MIGRATIONS[0], BROKEN]);

    async fn database() -> SqliteConnection {
        SqliteConnection::connect("sqlite::memory:").await.unwrap()
    }

    fn why(result: Result<(), StoreError>) -> String {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Incompatible);
        error.chain().to_string()
    }

    #[tokio::test]
    async fn an_older_database_is_brought_up_to_date_and_not_read_as_it_is() {
        let mut database = database().await;
        assert!(why(V2.check(&mut database).await).contains("no table"));
        V1.upgrade(&mut database, Missing::Create).await.unwrap();
        V1.check(&mut database).await.unwrap();
        assert!(why(V2.check(&mut database).await).contains("version 1, older than 2"));

        V2.upgrade(&mut database, Missing::Refuse).await.unwrap();
        V2.check(&mut database).await.unwrap();
        raw_sql("SELECT second FROM dcv_session")
            .execute(&mut database)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_newer_database_is_left_alone() {
        let mut database = database().await;
        V2.upgrade(&mut database, Missing::Create).await.unwrap();
        let newer = "version 2, newer than 1";
        assert!(why(V1.check(&mut database).await).contains(newer));
        assert!(why(V1.upgrade(&mut database, Missing::Create).await).contains(newer));
        V2.check(&mut database).await.unwrap();
    }

    #[tokio::test]
    async fn each_trigger_of_the_change_log_is_needed_on_its_table() {
        let mut database = database().await;
        upgrade(&mut database, Missing::Create).await.unwrap();
        check_change_log(&mut database).await.unwrap();
        for trigger in ["insert", "update", "rename", "delete", "trim"] {
            let mut writer = database.begin().await.unwrap();
            let drop = format!("DROP TRIGGER dcv_session_change_{trigger}");
            raw_sql(AssertSqlSafe(drop))
                .execute(&mut *writer)
                .await
                .unwrap();
            assert!(why(check_change_log(&mut writer).await).contains("holds 4"));
            writer.rollback().await.unwrap();
        }
        raw_sql("ALTER TABLE dcv_session RENAME TO elsewhere")
            .execute(&mut database)
            .await
            .unwrap();
        assert!(why(check_change_log(&mut database).await).contains("holds 1"));
    }

    #[tokio::test]
    async fn missing_tables_are_made_only_on_demand() {
        let mut database = database().await;
        assert!(why(V1.upgrade(&mut database, Missing::Refuse).await).contains("no table"));
        assert!(why(V1.check(&mut database).await).contains("no table"));
    }

    #[tokio::test]
    async fn a_migration_that_fails_leaves_the_database_as_it_was() {
        let mut database = database().await;
        V1.upgrade(&mut database, Missing::Create).await.unwrap();
        why(V2_BROKEN.upgrade(&mut database, Missing::Create).await);
        V1.check(&mut database).await.unwrap();
        V2.upgrade(&mut database, Missing::Create).await.unwrap();
    }
}
