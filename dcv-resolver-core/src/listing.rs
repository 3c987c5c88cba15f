//! [`SessionListing`]: a store that lists its sessions.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error_chain::ErrorChain;
use crate::{SessionRecord, SessionStore, StoreError};

/// Lists the sessions of a store, page by page.
///
/// Every registry does, and so does a store that is only read, such as a session
/// file.
///
/// # Contract
///
/// Beside the rules of [`SessionStore`]:
///
/// - **L1. A listing is complete.** Following `next` from the first page to the
///   last returns each record that is there throughout at least once, expired
///   ones too. A record that comes or goes meanwhile may be returned or not.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not list its sessions",
    note = "implement `SessionListing` for it, with `#[async_trait]` on the `impl` block"
)]
pub trait SessionListing: SessionStore {
    /// Returns one page of records: the first, or the one that `page` names.
    ///
    /// `limit` is a target: a page may hold fewer records, none even, and some
    /// more where a store reads by the bucket. The last page has no `next`. The
    /// order is the store's own.
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

    /// Returns whether the same call may succeed later without intervention.
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

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The records.
    pub records: Vec<SessionRecord>,
    /// Where the next page starts; `None` on the last one.
    pub next: Option<PageToken>,
}

/// Where a page of a listing starts. Only the store that made it reads it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PageToken(String);

impl PageToken {
    /// Creates a token from a store's own text, or from what a client returns.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the token as text.
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
