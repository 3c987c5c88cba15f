//! [`SessionListing`]: a store that lists its sessions.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error_chain::ErrorChain;
use crate::{SessionId, SessionRecord, SessionStore, StoreError};

/// A store that lists its sessions, page by page.
///
/// Every registry implements it, and so can a read-only store such as a session
/// file.
///
/// # Contract
/// In addition to the rules of [`SessionStore`]:
///
/// - **L1. A listing is complete.** Following `next` from the first page to the
///   last returns each record that exists during the whole listing at least
///   once, including expired ones. A record that is added or removed in the
///   meantime may or may not be returned.
/// - **L2. A record that cannot be read hides no other.** It is returned as an
///   error in [`Page::unreadable`], and the listing goes on.
/// - **L3. A page token is a place.** It is a string in a format of the store's
///   own. A client may return it to any process that has opened the same store,
///   at any time and any number of times. The record at that place may have
///   been removed: the listing then continues after it. A token that the store
///   did not create, or that no longer names a place, is
///   [`InvalidPageToken`](ListError::InvalidPageToken), never another place.
/// - **L4. An outage does not end a listing.** A page that could not be read in
///   full is an error. A page without `next` means that the listing is
///   complete.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not list its sessions",
    note = "implement `SessionListing` for it, with `#[async_trait]` on the `impl` block"
)]
pub trait SessionListing: SessionStore {
    /// Returns one page of records: the first, or the one that `page` names.
    ///
    /// `limit` is a target: a page may hold fewer records, even none, or a few
    /// more if the store reads in buckets. The last page has no `next`. Each
    /// store has its own order.
    ///
    /// # Errors
    ///
    /// [`InvalidPageToken`](ListError::InvalidPageToken) when `page` did not come
    /// from this store; [`Store`](ListError::Store) when the store failed.
    async fn list(&self, page: Option<&PageToken>, limit: NonZeroUsize) -> Result<Page, ListError>;

    /// Returns the source from which the store generates the record of `id`, such as
    /// `pattern sessions.toml:12`, or `None` if the store holds the record itself. An
    /// [`Explanation`](crate::Explanation) shows it to people.
    ///
    /// Implement this method only for a store that generates records.
    fn generated_by(&self, id: &SessionId) -> Option<String> {
        let _ = id;
        None
    }
}

/// An error that occurs when a page could not be listed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// The page token is not from this store, or is out of date.
    #[error("invalid page token: {reason}; begin again with the first page")]
    InvalidPageToken {
        /// What is wrong with the token.
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

/// One page of a listing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Page {
    /// The records.
    pub records: Vec<SessionRecord>,
    /// The records that exist but cannot be read. Each is represented by the
    /// error that a lookup of it returns, of the kind
    /// [`CorruptRecord`](crate::StoreErrorKind::CorruptRecord). The error's
    /// [chain](StoreError::chain) names the record and what is wrong with it.
    pub unreadable: Vec<StoreError>,
    /// Where the next page starts; `None` on the last page.
    pub next: Option<PageToken>,
}

impl Page {
    /// Creates a page of readable records. `next` is `None` on the last page.
    #[must_use]
    pub const fn new(records: Vec<SessionRecord>, next: Option<PageToken>) -> Self {
        Self {
            records,
            unreadable: Vec::new(),
            next,
        }
    }

    /// Adds the errors of records that cannot be read.
    #[must_use]
    pub fn with_unreadable(mut self, errors: Vec<StoreError>) -> Self {
        self.unreadable = errors;
        self
    }
}

/// Where a page of a listing starts. Only the store that created it can
/// interpret it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PageToken(String);

impl PageToken {
    /// Creates a token from a string of the store's own, or from what a client
    /// returned.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the token as a string.
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

    fn generated_by(&self, id: &SessionId) -> Option<String> {
        (**self).generated_by(id)
    }
}
