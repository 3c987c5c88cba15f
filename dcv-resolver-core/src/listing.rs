//! [`SessionListing`]: a store that shows what it holds.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error_chain::ErrorChain;
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
    /// [`InvalidPageToken`](ListError::InvalidPageToken) when `page` did not come
    /// from this store; [`Store`](ListError::Store) when the store failed.
    async fn list(&self, page: Option<&PageToken>, limit: NonZeroUsize) -> Result<Page, ListError>;
}

/// Why a page was not listed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// The page token is not from this store, or is out of date.
    #[error("invalid page token: {reason}; begin again with the first page")]
    InvalidPageToken {
        /// What is wrong with it.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ListError {
    /// Returns an error for a page token that this store did not make.
    #[must_use]
    pub fn invalid_page_token(reason: impl fmt::Display) -> Self {
        Self::InvalidPageToken {
            reason: reason.to_string(),
        }
    }

    /// Whether the same call may succeed later without intervention.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::InvalidPageToken { .. } => false,
            Self::Store(error) => error.is_retryable(),
        }
    }

    /// Returns the failure of the store, where it is one.
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
        ErrorChain(self)
    }
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
    async fn list(&self, page: Option<&PageToken>, limit: NonZeroUsize) -> Result<Page, ListError> {
        (**self).list(page, limit).await
    }
}
