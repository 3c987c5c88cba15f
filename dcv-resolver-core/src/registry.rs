//! [`SessionRegistry`]: registers sessions at run time, under leases.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error_chain::ErrorChain;
use crate::{Expiry, LeaseToken, SessionId, SessionListing, SessionRecord, StoreError, Timestamp};

/// A store that registers, renews and removes sessions.
///
/// A read-only store does not implement this trait, so code that writes to one
/// does not compile. The caller passes `now`: a registry reads no clock,
/// neither its own nor its server's.
///
/// # Contract
/// In addition to the rules of [`SessionStore`](crate::SessionStore) and
/// [`SessionListing`]:
///
/// - **R1. Register stores.** After `register`, `lookup` returns the record,
///   even if it has expired.
/// - **R2. One owner.** If the stored record is live at `now` under another
///   token, or under no token, `register` returns `AlreadyExists` and changes
///   nothing.
/// - **R3. Repeating is harmless.** If the stored record has the same token,
///   `register` replaces it, live or not.
/// - **R4. Expired counts as absent.** If the stored record is not live at
///   `now`, `register` succeeds, whether or not the record was swept, and the
///   old token becomes invalid.
/// - **R5. One winner.** When several callers `register` one id concurrently
///   under different tokens, exactly one succeeds. Each of the others gets
///   `AlreadyExists`, not a failure to get a lock.
/// - **R6. Only the owner renews.** `renew` needs a record that is live at
///   `now` under the same token; otherwise it returns `LeaseLost` and changes
///   nothing. An expired lease is not revived.
/// - **R7. Renew changes the expiry**, to an earlier or later one, and nothing
///   else.
/// - **R8. Only the owner deregisters.** `deregister` removes the record under
///   the same token, live or not, and returns `true`. Under another token, or
///   for an absent id, it changes nothing and returns `false`. Repeating it is
///   harmless.
/// - **R9. Sweep removes expired records and nothing else.** It never removes a
///   record that is live at `now`, and it removes every record that is not.
/// - **R10. Nothing is half-written.** When a future is dropped, either the old
///   state or the new one remains, never a mixture.
/// - **R11. Checking changes nothing.** After `check_writable`, every record and
///   every lease is as before.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not register sessions",
    note = "implement `SessionRegistry` for it, with `#[async_trait]` on the `impl` block",
    note = "a read-only store, such as a session file, is not a registry"
)]
pub trait SessionRegistry: SessionListing {
    /// Stores `record` under `token`.
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](RegisterError::AlreadyExists) according to rule R2;
    /// [`Store`](RegisterError::Store) when it is unknown whether the record
    /// was stored. Registering it again under the same token is safe.
    async fn register(
        &self,
        record: &SessionRecord,
        token: &LeaseToken,
        now: Timestamp,
    ) -> Result<(), RegisterError>;

    /// Changes the expiry of the record of `id`.
    ///
    /// # Errors
    ///
    /// [`LeaseLost`](RenewError::LeaseLost) according to rule R6;
    /// [`Store`](RenewError::Store) when it is unknown whether the lease was
    /// renewed. Renewing it again is safe.
    async fn renew(
        &self,
        id: &SessionId,
        token: &LeaseToken,
        expiry: Expiry,
        now: Timestamp,
    ) -> Result<(), RenewError>;

    /// Removes the record of `id`; returns whether there was one to remove.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it is unknown whether the record was removed.
    async fn deregister(&self, id: &SessionId, token: &LeaseToken) -> Result<bool, StoreError>;

    /// Removes the records that are not live at `now`; returns how many it
    /// removed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store failed; some records may have been removed.
    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError>;

    /// Checks whether the store could register a record now.
    ///
    /// A store that answers lookups may refuse to write: its disk is full, its
    /// file belongs to another user, or its server is a read-only replica. The
    /// check goes as far as it can without changing a session. It may briefly
    /// take a lock, so leave seconds between calls, and set a time limit.
    ///
    /// # Errors
    ///
    /// [`StoreError`] of the kind that registering would fail with, such as
    /// [`NotWritable`](crate::StoreErrorKind::NotWritable).
    async fn check_writable(&self) -> Result<(), StoreError>;
}

/// An error that occurs when a record could not be registered.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// A live record with this id exists under another lease.
    #[error("a live session with this id is registered under another lease")]
    AlreadyExists,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RegisterError {
    /// Returns whether the same call may succeed later without intervention.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::AlreadyExists => false,
            Self::Store(error) => error.is_retryable(),
        }
    }

    /// Returns the error of the store, if the store failed.
    #[must_use]
    pub const fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }

    /// Returns the error and every source below it as one line, joined by `: `.
    #[must_use]
    pub fn chain(&self) -> impl fmt::Display + '_ {
        ErrorChain::new(self)
    }
}

/// An error that occurs when a lease could not be renewed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RenewError {
    /// No live record with this id exists under this lease.
    #[error("there is no live session with this id under this lease; register it again")]
    LeaseLost,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RenewError {
    /// Returns whether the same call may succeed later without intervention.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::LeaseLost => false,
            Self::Store(error) => error.is_retryable(),
        }
    }

    /// Returns the error of the store, if the store failed.
    #[must_use]
    pub const fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }

    /// Returns the error and every source below it as one line, joined by `: `.
    #[must_use]
    pub fn chain(&self) -> impl fmt::Display + '_ {
        ErrorChain::new(self)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: SessionRegistry + ?Sized> SessionRegistry for Arc<T> {
    async fn register(
        &self,
        record: &SessionRecord,
        token: &LeaseToken,
        now: Timestamp,
    ) -> Result<(), RegisterError> {
        (**self).register(record, token, now).await
    }

    async fn renew(
        &self,
        id: &SessionId,
        token: &LeaseToken,
        expiry: Expiry,
        now: Timestamp,
    ) -> Result<(), RenewError> {
        (**self).renew(id, token, expiry, now).await
    }

    async fn deregister(&self, id: &SessionId, token: &LeaseToken) -> Result<bool, StoreError> {
        (**self).deregister(id, token).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        (**self).sweep(now).await
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        (**self).check_writable().await
    }
}
