//! [`SessionStore`]: where sessions are looked up.
//!
//! # A store of your own
//!
//! This is all it takes:
//!
//! ```
//! use std::collections::HashMap;
//!
//! use dcv_resolver_core::{
//!     Outcome, ResolveRequest, Resolver, SessionId, SessionRecord, SessionStore, StoreError,
//!     Transport, async_trait,
//! };
//!
//! #[derive(Debug, Default)]
//! struct Inventory(HashMap<SessionId, SessionRecord>);
//!
//! #[async_trait]
//! impl SessionStore for Inventory {
//!     async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
//!         Ok(self.0.get(id).cloned())
//!     }
//!
//!     async fn ping(&self) -> Result<(), StoreError> {
//!         Ok(())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let resolver = Resolver::new(Inventory::default());
//! let request = ResolveRequest::new("console".parse()?, Transport::Http);
//! assert!(matches!(resolver.resolve(&request).await?, Outcome::NotFound(_)));
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{BoxFuture, SessionId, SessionRecord, StoreError};

/// A place where sessions are looked up.
///
/// A store holds records and answers what it holds; it judges nothing. Whether
/// a record is live, ready and offers the transport is the
/// [`Resolver`](crate::Resolver)'s decision, so that every store misses for
/// the same reasons.
///
/// # Contract
///
/// 1. **Absence is an answer.** [`lookup`](Self::lookup) of an id that the
///    store does not hold is `Ok(None)`.
/// 2. **An outage is not absence.** Whenever the store cannot tell whether it
///    holds the id, the answer is `Err`: never `Ok(None)`, never a guess.
/// 3. **Records come back as they went in**, byte for byte, whatever the id:
///    long, with spaces, quotes, or letters of any script.
/// 4. **Ids are compared byte for byte**: `console` is not `Console`.
/// 5. **Expired records are returned too**, until they are swept or removed,
///    so that the reason of a miss can be told. A store reads no clock.
/// 6. **Looking up changes nothing**: it never extends a lease, and any number
///    of concurrent lookups get the same answer.
/// 7. **A dropped future leaves no trace**: callers give up when their time
///    budget ends, at any await point.
#[async_trait]
pub trait SessionStore: fmt::Debug + Send + Sync + 'static {
    /// The record of the session that clients know as `id`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the question could not be answered: `Unavailable` or `TimedOut` when
    /// the store cannot be reached, `CorruptRecord` when it holds something
    /// under `id` that is not a record.
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError>;

    /// Whether the store could answer a lookup now.
    ///
    /// # Errors
    ///
    /// [`StoreError`], of the kind that a lookup would fail with.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Written out rather than with `#[async_trait]`, which would box the inner
/// store's boxed future once more.
#[deny(clippy::missing_trait_methods)]
impl<T: SessionStore + ?Sized> SessionStore for Arc<T> {
    fn lookup<'a, 'b, 'c>(
        &'a self,
        id: &'b SessionId,
    ) -> BoxFuture<'c, Result<Option<SessionRecord>, StoreError>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        (**self).lookup(id)
    }

    fn ping<'a, 'b>(&'a self) -> BoxFuture<'b, Result<(), StoreError>>
    where
        'a: 'b,
        Self: 'b,
    {
        (**self).ping()
    }
}
