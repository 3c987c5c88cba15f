//! [`SessionImport`]: many records at once.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{LeaseToken, SessionRecord, SessionRegistry, StoreError, Timestamp};

/// A registry that takes records by the batch, far faster than one by one.
///
/// # Contract
///
/// 1. The answer has one [`ImportOutcome`] a record, in the same order.
/// 2. With [`OnConflict::Skip`] each record is stored exactly when
///    [`register`](SessionRegistry::register) would have stored it.
/// 3. With [`OnConflict::Overwrite`] each record is stored, whatever is there and
///    under whichever token.
/// 4. Of two records of one batch with the same id, the later is treated as
///    if it had been registered after the earlier.
/// 5. Each record is stored whole or not at all. After an error some may be
///    stored; importing the same batch again is safe.
#[async_trait]
pub trait SessionImport: SessionRegistry {
    /// Stores `records` under `token`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it is unknown which records were stored.
    async fn import(
        &self,
        records: &[SessionRecord],
        token: &LeaseToken,
        on_conflict: OnConflict,
        now: Timestamp,
    ) -> Result<Vec<ImportOutcome>, StoreError>;
}

/// What an import does over a live record of another lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// Leave it as it is.
    Skip,
    /// Overwrite it.
    Overwrite,
}

/// What became of one imported record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportOutcome {
    /// It was stored.
    Stored,
    /// A live record of another lease was left in place.
    Skipped,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: SessionImport + ?Sized> SessionImport for Arc<T> {
    async fn import(
        &self,
        records: &[SessionRecord],
        token: &LeaseToken,
        on_conflict: OnConflict,
        now: Timestamp,
    ) -> Result<Vec<ImportOutcome>, StoreError> {
        (**self).import(records, token, on_conflict, now).await
    }
}
