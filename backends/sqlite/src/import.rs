//! [`SessionImport`] for [`SqliteStore`].

use std::collections::HashSet;

use dcv_resolver_core::{
    ImportOutcome, LeaseToken, OnConflict, SessionImport, SessionRecord, StoreError, Timestamp,
    async_trait,
};
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

use crate::SqliteStore;
use crate::row::{columns, overwrite};

/// How many records go into one statement.
const STORED_AT_ONCE: usize = 1_000;

/// Takes the records as one JSON array, which keeps the statement constant
/// whatever their number. `WHERE true` keeps SQLite from reading `ON CONFLICT`
/// as part of a join.
macro_rules! insert {
    () => {
        concat!(
            "INSERT INTO dcv_session (",
            columns!(),
            ", lease_token) SELECT value ->> 'id', value ->> 'target_id', value ->> 'host', \
            value ->> 'http_port', value ->> 'quic_port', value ->> 'web_url_path', \
            value ->> 'state', value ->> 'expires_at_ms', value ->> 'owner', \
            coalesce(value -> 'labels', '{}'), ?2 FROM json_each(?1) WHERE true ",
            overwrite!(),
        )
    };
}

const REPLACE: &str = insert!();

/// Tells the ids of the records that were stored.
const KEEP: &str = concat!(
    insert!(),
    " WHERE lease_token = excluded.lease_token OR expires_at_ms <= ?3 RETURNING id"
);

#[async_trait]
impl SessionImport for SqliteStore {
    /// One transaction: after an error, nothing is stored. Other writers wait
    /// for it, so give a great many records in several calls.
    async fn import(
        &self,
        records: &[SessionRecord],
        token: &LeaseToken,
        on_conflict: OnConflict,
        now: Timestamp,
    ) -> Result<Vec<ImportOutcome>, StoreError> {
        let mut connection = self.database.writer().await?;
        import(connection.driver(), records, token, on_conflict, now)
            .await
            .map_err(|error| connection.failed(error))
    }
}

async fn import(
    connection: &mut SqliteConnection,
    records: &[SessionRecord],
    token: &LeaseToken,
    on_conflict: OnConflict,
    now: Timestamp,
) -> Result<Vec<ImportOutcome>, sqlx::Error> {
    let mut imported = Vec::with_capacity(records.len());
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for records in records.chunks(STORED_AT_ONCE) {
        let json = serde_json::to_string(records)
            .map_err(|source| sqlx::Error::Encode(Box::new(source)))?;
        match on_conflict {
            OnConflict::Overwrite => {
                sqlx::query(REPLACE)
                    .bind(json)
                    .bind(&token.as_bytes()[..])
                    .execute(&mut *transaction)
                    .await?;
                imported.extend(records.iter().map(|_| ImportOutcome::Stored));
            }
            OnConflict::Skip => {
                let stored: HashSet<String> = sqlx::query_scalar(KEEP)
                    .bind(json)
                    .bind(&token.as_bytes()[..])
                    .bind(now.as_unix_ms())
                    .fetch_all(&mut *transaction)
                    .await?
                    .into_iter()
                    .collect();
                // Records of one id fare alike: once the first is stored, the
                // others find their own token.
                imported.extend(records.iter().map(|record| {
                    if stored.contains(record.id().as_str()) {
                        ImportOutcome::Stored
                    } else {
                        ImportOutcome::Skipped
                    }
                }));
            }
        }
    }
    transaction.commit().await?;
    Ok(imported)
}
