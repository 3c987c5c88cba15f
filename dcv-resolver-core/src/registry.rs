//! [`SessionRegistry`]: where sessions come and go at run time.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{Expiry, LeaseToken, SessionId, SessionListing, SessionRecord, StoreError, Timestamp};

/// A store that sessions are registered in.
///
/// A read-only store does not implement it, so that writing to one is a
/// compile error. `now` is always the caller's: a registry reads no clock, and
/// never asks its server for the time.
///
/// # Contract
///
/// Beside the rules of [`SessionStore`](crate::SessionStore) and
/// [`SessionListing`]:
///
/// 1. **Register stores.** After `register`, `lookup` returns the record,
///    whatever its expiry.
/// 2. **One owner.** Over a record that is live at `now` under another token,
///    or under none, `register` is `AlreadyExists` and changes nothing.
/// 3. **Repeating is harmless.** Over a record under the same token, live or
///    not, `register` stores the new record.
/// 4. **Expired counts as absent.** Over a record that is not live at `now`,
///    `register` succeeds, swept or not, and the old token is worth nothing.
/// 5. **One winner.** Of concurrent `register`s of one id under different
///    tokens, exactly one succeeds; each other is `AlreadyExists`, not a
///    failure to get a lock.
/// 6. **Only the owner renews.** `renew` needs a record that is live at `now`
///    under the same token; otherwise it is `LeaseLost` and changes nothing.
///    An expired lease is not revived.
/// 7. **Renew changes the expiry**, to an earlier or later one, and nothing
///    else.
/// 8. **Only the owner deregisters.** `deregister` removes the record under
///    the same token, live or not, and returns `true`. Under another token, or
///    of an absent id, it changes nothing and returns `false`; repeating it is
///    harmless.
/// 9. **Sweep frees space and nothing else.** It never removes a record that
///    is live at `now`; it removes every other one.
/// 10. **Nothing is half-written.** When a future is dropped, the old state
///     stands or the new one, never a mixture.
#[async_trait]
pub trait SessionRegistry: SessionListing {
    /// Stores `record` under `token`.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` by rule 2; any other kind when it is unknown whether
    /// the record was stored: then registering again under the same token is
    /// safe.
    async fn register(
        &self,
        record: &SessionRecord,
        token: &LeaseToken,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Gives the record of `id` a new expiry.
    ///
    /// # Errors
    ///
    /// `LeaseLost` by rule 6; any other kind when it is unknown whether the
    /// lease was renewed.
    async fn renew(
        &self,
        id: &SessionId,
        token: &LeaseToken,
        expiry: Expiry,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Removes the record of `id`; whether there was something to remove.
    ///
    /// # Errors
    ///
    /// Any kind but `AlreadyExists` and `LeaseLost`, when it is unknown
    /// whether the record was removed.
    async fn deregister(&self, id: &SessionId, token: &LeaseToken) -> Result<bool, StoreError>;

    /// Removes the records that are not live at `now`, and counts them.
    ///
    /// # Errors
    ///
    /// Any kind but `AlreadyExists` and `LeaseLost`, when the store failed;
    /// some records may have been removed.
    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError>;
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: SessionRegistry + ?Sized> SessionRegistry for Arc<T> {
    async fn register(
        &self,
        record: &SessionRecord,
        token: &LeaseToken,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        (**self).register(record, token, now).await
    }

    async fn renew(
        &self,
        id: &SessionId,
        token: &LeaseToken,
        expiry: Expiry,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        (**self).renew(id, token, expiry, now).await
    }

    async fn deregister(&self, id: &SessionId, token: &LeaseToken) -> Result<bool, StoreError> {
        (**self).deregister(id, token).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        (**self).sweep(now).await
    }
}
