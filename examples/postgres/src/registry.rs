//! [`SessionRegistry`] for [`PostgresStore`].
//!
//! Each conditional write is one statement. PostgreSQL locks the row and checks
//! the condition again, so one of several concurrent writes wins.

use dcv_resolver_core::{
    Expiry, LeaseToken, RegisterError, RenewError, SessionId, SessionRecord, SessionRegistry,
    StoreError, Timestamp, async_trait,
};

use crate::error::store_error;
use crate::row::{expires_at_ms, json};
use crate::store::PostgresStore;

const REGISTER: &str = "INSERT INTO dcv_session AS held (id, record, expires_at_ms, lease_digest) \
    VALUES ($1, $2, $3, $4) \
    ON CONFLICT (id) DO UPDATE SET record = excluded.record, \
    expires_at_ms = excluded.expires_at_ms, lease_digest = excluded.lease_digest \
    WHERE held.lease_digest = excluded.lease_digest OR held.expires_at_ms <= $5";

const RENEW: &str = "UPDATE dcv_session SET expires_at_ms = $3 \
    WHERE id = $1 AND lease_digest = $2 AND (expires_at_ms IS NULL OR expires_at_ms > $4)";

const DEREGISTER: &str = "DELETE FROM dcv_session WHERE id = $1 AND lease_digest = $2";

#[async_trait]
impl SessionRegistry for PostgresStore {
    async fn register(
        &self,
        record: &SessionRecord,
        token: &LeaseToken,
        now: Timestamp,
    ) -> Result<(), RegisterError> {
        let done = sqlx::query(REGISTER)
            .bind(record.id().as_str())
            .bind(json(record)?)
            .bind(expires_at_ms(record.expiry()))
            .bind(&token.digest()[..])
            .bind(now.as_unix_ms())
            .execute(&self.pool)
            .await
            .map_err(store_error)?;
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
        let done = sqlx::query(RENEW)
            .bind(id.as_str())
            .bind(&token.digest()[..])
            .bind(expires_at_ms(expiry))
            .bind(now.as_unix_ms())
            .execute(&self.pool)
            .await
            .map_err(store_error)?;
        match done.rows_affected() {
            0 => Err(RenewError::LeaseLost),
            _ => Ok(()),
        }
    }

    async fn deregister(&self, id: &SessionId, token: &LeaseToken) -> Result<bool, StoreError> {
        let done = sqlx::query(DEREGISTER)
            .bind(id.as_str())
            .bind(&token.digest()[..])
            .execute(&self.pool)
            .await
            .map_err(store_error)?;
        Ok(done.rows_affected() > 0)
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM dcv_session WHERE expires_at_ms <= $1")
            .bind(now.as_unix_ms())
            .execute(&self.pool)
            .await
            .map_err(store_error)?;
        Ok(done.rows_affected())
    }

    /// Writes no row, but fails as a write does: on a read-only replica, or
    /// without the permission.
    async fn check_writable(&self) -> Result<(), StoreError> {
        sqlx::query("UPDATE dcv_session SET record = record WHERE false")
            .execute(&self.pool)
            .await
            .map_err(store_error)?;
        Ok(())
    }
}
