//! The tables and their version.
//!
//! The version is kept in a table of its own. `PRAGMA user_version` belongs to
//! the host service, and two sets of migrations in sqlx's `_sqlx_migrations`
//! would report each other's migrations as missing. A migration is one
//! transaction that starts as a writer: if two processes try, one migrates and
//! the other finds nothing left to do.

use std::path::Path;

use dcv_resolver_core::{LeaseToken, StoreError, StoreErrorKind};
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{Connection, raw_sql};

use crate::error::{error, open_error, store_error};

/// The SQL of each schema version, oldest first, as in the package's directory
/// `migrations/`.
///
/// Each migrates the previous version to its own and stores the number in the
/// table `dcv_session_schema`. A host service that runs all its migrations from
/// one place may copy them there instead of calling [`migrate`]; lease tokens
/// that an older version stored are then hashed when their lease is renewed.
pub const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_session.sql"),
    include_str!("../migrations/0002_session_change.sql"),
    include_str!("../migrations/0003_lease_digest.sql"),
];

/// Migrates the tables in the database of `pool` to the current version, and
/// creates them if they are missing.
///
/// All names start with `dcv_session`. The host service's own tables, its
/// `PRAGMA user_version` and its sqlx migrations are not touched. Repeated and
/// concurrent calls are safe, also from several processes.
///
/// This function deliberately takes the driver's pool, as
/// [`SqliteStore::with_pool`](crate::SqliteStore::with_pool) does.
///
/// # Errors
///
/// `Incompatible`, when the tables are newer than this library, or other tables
/// with these names exist; otherwise the kind of the error that SQLite reports.
/// After an error, the database is unchanged.
pub async fn migrate(pool: &SqlitePool) -> Result<(), StoreError> {
    let mut connection = pool.acquire().await.map_err(store_error)?;
    upgrade(&mut connection, MissingTables::Create).await?;
    Ok(())
}

/// What to do with a database that has none of this library's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MissingTables {
    Create,
    Refuse,
}

/// The tables do not have the version that this library needs.
#[derive(Debug, thiserror::Error)]
enum SchemaVersionError {
    #[error(
        "the database has no table dcv_session, so it is empty or belongs to another program; name another file, or let the table be created (create_if_missing, or migrate for your own pool)"
    )]
    Missing,
    #[error(
        "the schema is version {found}, and writing needs {known}; migrate the database, after which programs that know only version {found} refuse it"
    )]
    Older { found: usize, known: usize },
    #[error("the schema is version {found}, newer than the supported {known}; update this program")]
    Newer { found: usize, known: usize },
}

/// The table `dcv_session_change` does not record every change.
#[derive(Debug, thiserror::Error)]
#[error(
    "the database has {found} of the {needed} triggers that record changes, so some would be missed; create them again as in migrations/0002_session_change.sql"
)]
struct TriggersMissing {
    needed: i64,
    found: i64,
}

impl SchemaVersionError {
    fn into_error(self) -> SchemaError {
        SchemaError::Incompatible(error(StoreErrorKind::Incompatible).with_source(self))
    }
}

/// Why the tables were not read or migrated.
#[derive(Debug)]
pub(crate) enum SchemaError {
    Driver(sqlx::Error),
    Incompatible(StoreError),
}

impl SchemaError {
    /// Converts an error that prevents the database at `path` from being opened.
    pub(crate) fn open_error(self, path: &Path) -> StoreError {
        match self {
            Self::Driver(source) => open_error(path, source),
            Self::Incompatible(error) => error,
        }
    }
}

impl From<sqlx::Error> for SchemaError {
    fn from(source: sqlx::Error) -> Self {
        Self::Driver(source)
    }
}

impl From<SchemaError> for StoreError {
    fn from(error: SchemaError) -> Self {
        match error {
            SchemaError::Driver(source) => store_error(source),
            SchemaError::Incompatible(error) => error,
        }
    }
}

/// A sequence of schema versions.
#[derive(Debug, Clone, Copy)]
struct Schema(&'static [&'static str]);

/// The version that introduced the column `lease_digest`.
pub(crate) const LEASE_DIGEST_VERSION: usize = 3;

const SCHEMA: Schema = Schema(MIGRATIONS);

/// The replacement of a schema version by a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Migration {
    /// The version before; 0 if there were no tables.
    pub from: usize,
    /// The version now.
    pub to: usize,
}

/// Fails unless the tables can be read, and returns their version: the columns
/// that are read exist since the first one.
pub(crate) async fn check_readable(
    connection: &mut SqliteConnection,
) -> Result<usize, SchemaError> {
    SCHEMA.check_readable(connection).await
}

/// Fails unless the tables have the current version.
pub(crate) async fn check(connection: &mut SqliteConnection) -> Result<(), SchemaError> {
    SCHEMA.check(connection).await
}

/// Fails unless every change of a session is recorded in `dcv_session_change`.
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
    Err(error(StoreErrorKind::Incompatible).with_source(TriggersMissing { needed, found }))
}

/// Migrates the tables to the current version, unless they have it.
pub(crate) async fn upgrade(
    connection: &mut SqliteConnection,
    missing: MissingTables,
) -> Result<Option<Migration>, SchemaError> {
    SCHEMA.upgrade(connection, missing).await
}

/// Replaces the lease tokens of older versions by their digests, which SQL
/// cannot compute.
pub(crate) async fn hash_lease_tokens(
    connection: &mut SqliteConnection,
) -> Result<(), sqlx::Error> {
    let tokens: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT DISTINCT lease_token FROM dcv_session WHERE lease_token NOT NULL",
    )
    .fetch_all(&mut *connection)
    .await?;
    for token in tokens {
        // The table accepts no other length.
        let Ok(bytes) = token[..].try_into() else {
            continue;
        };
        sqlx::query(
            "UPDATE dcv_session SET lease_digest = ?1, lease_token = NULL WHERE lease_token = ?2",
        )
        .bind(&LeaseToken::from_bytes(bytes).digest()[..])
        .bind(token)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

impl Schema {
    async fn check(self, connection: &mut SqliteConnection) -> Result<(), SchemaError> {
        let known = self.0.len();
        match self.check_readable(connection).await? {
            found if found < known => Err(SchemaVersionError::Older { found, known }.into_error()),
            _ => Ok(()),
        }
    }

    async fn check_readable(self, connection: &mut SqliteConnection) -> Result<usize, SchemaError> {
        match self.0.len() - self.pending(connection).await?.len() {
            0 => Err(SchemaVersionError::Missing.into_error()),
            found => Ok(found),
        }
    }

    async fn upgrade(
        self,
        connection: &mut SqliteConnection,
        missing: MissingTables,
    ) -> Result<Option<Migration>, SchemaError> {
        if self.pending(connection).await?.is_empty() {
            return Ok(None);
        }
        let mut writer = connection.begin_with("BEGIN IMMEDIATE").await?;
        // Another process may have migrated in the meantime.
        let pending = self.pending(&mut writer).await?;
        let (from, to) = (self.0.len() - pending.len(), self.0.len());
        if from == 0 && missing == MissingTables::Refuse {
            return Err(SchemaVersionError::Missing.into_error());
        }
        for migration in pending {
            raw_sql(*migration).execute(&mut *writer).await?;
        }
        if (1..LEASE_DIGEST_VERSION).contains(&from) && to >= LEASE_DIGEST_VERSION {
            hash_lease_tokens(&mut writer).await?;
        }
        writer.commit().await?;
        Ok((from < to).then_some(Migration { from, to }))
    }

    /// Returns the migrations that the database still needs.
    async fn pending(
        self,
        connection: &mut SqliteConnection,
    ) -> Result<&'static [&'static str], SchemaError> {
        let found = version(connection).await?;
        self.0.get(found..).ok_or_else(|| {
            let known = self.0.len();
            SchemaVersionError::Newer { found, known }.into_error()
        })
    }
}

/// Returns 0 if the tables are missing.
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

    fn why<T: std::fmt::Debug>(
        result: Result<T, impl Into<StoreError> + std::fmt::Debug>,
    ) -> String {
        let error = result.unwrap_err().into();
        assert_eq!(error.kind(), StoreErrorKind::Incompatible);
        error.chain().to_string()
    }

    #[tokio::test]
    async fn older_schema_is_migrated_and_refused_until_then() {
        let mut database = database().await;
        assert!(why(V2.check(&mut database).await).contains("no table"));
        V1.upgrade(&mut database, MissingTables::Create)
            .await
            .unwrap();
        V1.check(&mut database).await.unwrap();
        assert!(why(V2.check(&mut database).await).contains("version 1, and writing needs 2"));

        assert_eq!(V2.check_readable(&mut database).await.unwrap(), 1);

        let migrated = V2
            .upgrade(&mut database, MissingTables::Refuse)
            .await
            .unwrap();
        assert_eq!(migrated, Some(Migration { from: 1, to: 2 }));
        V2.check(&mut database).await.unwrap();
        let migrated = V2
            .upgrade(&mut database, MissingTables::Refuse)
            .await
            .unwrap();
        assert_eq!(migrated, None);
        raw_sql("SELECT second FROM dcv_session")
            .execute(&mut database)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn newer_schema_is_refused_and_unchanged() {
        let mut database = database().await;
        V2.upgrade(&mut database, MissingTables::Create)
            .await
            .unwrap();
        let newer = "version 2, newer than the supported 1";
        assert!(why(V1.check(&mut database).await).contains(newer));
        assert!(why(V1.upgrade(&mut database, MissingTables::Create).await).contains(newer));
        V2.check(&mut database).await.unwrap();
    }

    #[tokio::test]
    async fn change_log_without_each_trigger_on_its_table_is_refused() {
        let mut database = database().await;
        upgrade(&mut database, MissingTables::Create).await.unwrap();
        check_change_log(&mut database).await.unwrap();
        for trigger in ["insert", "update", "rename", "delete", "trim"] {
            let mut writer = database.begin().await.unwrap();
            let drop = format!("DROP TRIGGER dcv_session_change_{trigger}");
            raw_sql(AssertSqlSafe(drop))
                .execute(&mut *writer)
                .await
                .unwrap();
            assert!(why(check_change_log(&mut writer).await).contains("has 4 of"));
            writer.rollback().await.unwrap();
        }
        raw_sql("ALTER TABLE dcv_session RENAME TO elsewhere")
            .execute(&mut database)
            .await
            .unwrap();
        assert!(why(check_change_log(&mut database).await).contains("has 1 of"));
    }

    #[tokio::test]
    async fn missing_tables_are_created_only_on_request() {
        let mut database = database().await;
        assert!(why(V1.upgrade(&mut database, MissingTables::Refuse).await).contains("no table"));
        assert!(why(V1.check(&mut database).await).contains("no table"));
    }

    #[tokio::test]
    async fn failed_migration_leaves_the_database_unchanged() {
        let mut database = database().await;
        V1.upgrade(&mut database, MissingTables::Create)
            .await
            .unwrap();
        why(V2_BROKEN
            .upgrade(&mut database, MissingTables::Create)
            .await);
        V1.check(&mut database).await.unwrap();
        V2.upgrade(&mut database, MissingTables::Create)
            .await
            .unwrap();
    }
}
