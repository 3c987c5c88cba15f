//! [`SessionListing`]: a store that shows what it holds.

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{SessionRecord, SessionStore, StoreError};

/// A store that shows what it holds, a page at a time.
///
/// Every registry does, and so does a store that is only read: what an
/// operator asks about a session file is what it holds.
///
/// # Contract
///
/// Beside the rules of [`SessionStore`]:
///
/// 1. **List shows everything.** Following `next` from the first page to the
///    last shows each record that is there throughout at least once, expired
///    ones too; one that comes or goes meanwhile may be shown or not.
#[async_trait]
pub trait SessionListing: SessionStore {
    /// One page of records: the first, or the one that `page` names.
    ///
    /// `limit` is what to aim for: a page may hold fewer records, none even,
    /// and where a store reads by the bucket somewhat more. The last page is
    /// the one without `next`. The order is the store's own.
    ///
    /// # Errors
    ///
    /// `InvalidPage`, when `page` did not come from this store; any other
    /// kind but `AlreadyExists` and `LeaseLost`, when the store failed.
    async fn list(&self, page: Option<&PageToken>, limit: NonZeroUsize)
    -> Result<Page, StoreError>;
}

/// Some of the records of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The records.
    pub records: Vec<SessionRecord>,
    /// Where the next page starts; `None` on the last one.
    pub next: Option<PageToken>,
}

/// Where a page of a listing starts, in words that only its store understands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PageToken(String);

impl PageToken {
    /// Takes a store's own words, or what a client hands back, as a token.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The token as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: SessionListing + ?Sized> SessionListing for Arc<T> {
    async fn list(
        &self,
        page: Option<&PageToken>,
        limit: NonZeroUsize,
    ) -> Result<Page, StoreError> {
        (**self).list(page, limit).await
    }
}
