//! [`SessionImport`]: registers many records at once.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{LeaseToken, SessionRecord, SessionRegistry, StoreError, Timestamp};

/// A store that registers records in batches, which is far faster than one by
/// one.
///
/// # Contract
///
/// - **I1. One outcome per record**: the result has one [`ImportOutcome`] for
///   each record, in the same order.
/// - **I2. `Skip` registers**: with [`OnConflict::Skip`] each record is stored
///   exactly when [`register`](SessionRegistry::register) would have stored it.
/// - **I3. `Overwrite` stores all**: with [`OnConflict::Overwrite`] each record
///   is stored, even over a live record of another lease.
/// - **I4. The order of the batch matters**: if two records of a batch have the
///   same id, the later one is treated as if registered after the earlier one.
/// - **I5. Records are atomic**: each is stored whole or not at all. After an
///   error, some may be stored; importing the same batch again is safe.
/// - **I6. Imports do not obstruct each other.** Concurrent imports of the same
///   ids, in any order, all complete: none fails because of a deadlock. A store
///   that locks records locks them in a fixed order, such as by id, or retries.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not import sessions",
    note = "implement `SessionImport` for it, with `#[async_trait]` on the `impl` block"
)]
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

/// What an import does with a live record of another lease.
// Exhaustive: a store that did not know a way to resolve a conflict could only
// lose records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// Keep the stored record.
    Skip,
    /// Overwrite the stored record.
    Overwrite,
}

/// The result for one imported record.
// Exhaustive: a third outcome changes the contract, and so what each caller reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportOutcome {
    /// The record was stored.
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
