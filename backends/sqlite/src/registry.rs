//! [`SessionRegistry`] for [`SqliteStore`].
//!
//! Each conditional write is one statement, so that no other write comes between
//! the condition and the write. A transaction that first reads and then writes
//! could fail because the database has changed in between.
//!
//! Rows of an older version hold the lease token itself until they are written
//! again, so both are compared.

use dcv_resolver_core::{
    Expiry, LeaseToken, RegisterError, RenewError, SessionId, SessionRecord, SessionRegistry,
    StoreError, Timestamp, Transport, async_trait,
};

use crate::row::{columns, expires_at_ms, labels, overwrite, target_id};
use crate::store::SqliteStore;
use crate::write_check;

/// The most rows that one statement of a sweep removes. Other writers can write
/// between two statements.
const SWEEP_BATCH: u32 = 1_000;

const REGISTER: &str = concat!(
    "INSERT INTO dcv_session (",
    columns!(),
    ", lease_digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ",
    overwrite!(),
    " WHERE lease_digest = excluded.lease_digest OR lease_token = ?13 OR expires_at_ms <= ?12",
);

const RENEW: &str = "UPDATE dcv_session \
    SET expires_at_ms = ?4, lease_digest = ?2, lease_token = NULL \
    WHERE id = ?1 AND (lease_digest = ?2 OR lease_token = ?3) \
    AND (expires_at_ms IS NULL OR expires_at_ms > ?5)";

const DEREGISTER: &str =
    "DELETE FROM dcv_session WHERE id = ?1 AND (lease_digest = ?2 OR lease_token = ?3)";

const SWEEP: &str = "DELETE FROM dcv_session WHERE id IN \
    (SELECT id FROM dcv_session WHERE expires_at_ms <= ?1 LIMIT ?2)";

#[async_trait]
impl SessionRegistry for SqliteStore {
    async fn register(
        &self,
        record: &SessionRecord,
        token: &LeaseToken,
        now: Timestamp,
    ) -> Result<(), RegisterError> {
        let mut connection = self.database.writer().await?;
        let done = sqlx::query(REGISTER)
            .bind(record.id().as_str())
            .bind(target_id(record))
            .bind(record.host().as_str())
            .bind(record.port(Transport::Http))
            .bind(record.port(Transport::Quic))
            .bind(record.web_url_path().as_str())
            .bind(record.state().as_str())
            .bind(expires_at_ms(record.expiry()))
            .bind(record.owner())
            .bind(labels(record)?)
            .bind(&token.digest()[..])
            .bind(now.as_unix_ms())
            .bind(&token.as_bytes()[..])
            .execute(connection.driver())
            .await
            .map_err(|error| connection.failed(error))?;
        match done.rows_affected() {
            0 => Err(RegisterError::AlreadyExists),
            _ => Ok(()),
        }
    }

    async fn renew(
        &self,
        id: &SessionId,
        token: &LeaseToken,
        expiry: Expiry,
        now: Timestamp,
    ) -> Result<(), RenewError> {
        let mut connection = self.database.writer().await?;
        let done = sqlx::query(RENEW)
            .bind(id.as_str())
            .bind(&token.digest()[..])
            .bind(&token.as_bytes()[..])
            .bind(expires_at_ms(expiry))
            .bind(now.as_unix_ms())
            .execute(connection.driver())
            .await
            .map_err(|error| connection.failed(error))?;
        match done.rows_affected() {
            0 => Err(RenewError::LeaseLost),
            _ => Ok(()),
        }
    }

    async fn deregister(&self, id: &SessionId, token: &LeaseToken) -> Result<bool, StoreError> {
        let mut connection = self.database.writer().await?;
        let done = sqlx::query(DEREGISTER)
            .bind(id.as_str())
            .bind(&token.digest()[..])
            .bind(&token.as_bytes()[..])
            .execute(connection.driver())
            .await
            .map_err(|error| connection.failed(error))?;
        Ok(done.rows_affected() > 0)
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut swept = 0;
        loop {
            let mut connection = self.database.writer().await?;
            let done = sqlx::query(SWEEP)
                .bind(now.as_unix_ms())
                .bind(SWEEP_BATCH)
                .execute(connection.driver())
                .await
                .map_err(|error| connection.failed(error))?;
            swept += done.rows_affected();
            if done.rows_affected() < u64::from(SWEEP_BATCH) {
                return Ok(swept);
            }
        }
    }

    /// Takes the lock of a writer, executes a statement that changes nothing
    /// and rolls it back, then checks that the disk has free space. A change
    /// source does not notice this.
    async fn check_writable(&self) -> Result<(), StoreError> {
        write_check::run(&self.database).await
    }
}
