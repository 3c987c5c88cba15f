//! [`SessionImport`] for [`SqliteStore`].

use std::collections::HashSet;

use dcv_resolver_core::{
    ImportOutcome, LeaseToken, OnConflict, SessionImport, SessionRecord, StoreError, Timestamp,
    async_trait,
};
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

use crate::row::{columns, overwrite};
use crate::store::SqliteStore;

/// The most records that one statement stores.
const IMPORT_BATCH: usize = 1_000;

/// Takes the records as one JSON array, so that the statement is the same for
/// any number of records. `WHERE true` prevents SQLite from parsing `ON
/// CONFLICT` as part of a join.
macro_rules! insert {
    () => {
        concat!(
            "INSERT INTO dcv_session (",
            columns!(),
            ", lease_digest) SELECT value ->> 'id', value ->> 'target_id', value ->> 'host', \
            value ->> 'http_port', value ->> 'quic_port', value ->> 'web_url_path', \
            value ->> 'state', value ->> 'expires_at_ms', value ->> 'owner', \
            coalesce(value -> 'labels', '{}'), ?2 FROM json_each(?1) WHERE true ",
            overwrite!(),
        )
    };
}

const OVERWRITE: &str = insert!();

/// Returns the ids of the records that were stored.
const SKIP: &str = concat!(
    insert!(),
    " WHERE lease_digest = excluded.lease_digest OR lease_token = ?4 OR expires_at_ms <= ?3 \
    RETURNING id"
);

#[async_trait]
impl SessionImport for SqliteStore {
    /// Imports in one transaction: after an error nothing is stored. Other
    /// writers wait for it, so split a very large import into several calls.
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
    let mut outcomes = Vec::with_capacity(records.len());
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for records in records.chunks(IMPORT_BATCH) {
        let json = serde_json::to_string(records)
            .map_err(|source| sqlx::Error::Encode(Box::new(source)))?;
        match on_conflict {
            OnConflict::Overwrite => {
                sqlx::query(OVERWRITE)
                    .bind(json)
                    .bind(&token.digest()[..])
                    .execute(&mut *transaction)
                    .await?;
                outcomes.extend(records.iter().map(|_| ImportOutcome::Stored));
            }
            OnConflict::Skip => {
                let stored: HashSet<String> = sqlx::query_scalar(SKIP)
                    .bind(json)
                    .bind(&token.digest()[..])
                    .bind(now.as_unix_ms())
                    .bind(&token.as_bytes()[..])
                    .fetch_all(&mut *transaction)
                    .await?
                    .into_iter()
                    .collect();
                // Records of one id have the same outcome: once the first is
                // stored, the others match its digest.
                outcomes.extend(records.iter().map(|record| {
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
    Ok(outcomes)
}
