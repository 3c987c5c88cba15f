//! [`SessionStore`]: looks sessions up.
//!
//! # A store of your own
//!
//! A complete store:
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
//!
//! # Compiler errors
//!
//! **`lifetime parameters or bounds on method do not match the trait
//! declaration`** (E0195): `#[async_trait]` is missing on the `impl` block.
//!
//! ```compile_fail,E0195
//! # use dcv_resolver_core::{SessionId, SessionRecord, SessionStore, StoreError};
//! #[derive(Debug)]
//! struct Empty;
//!
//! impl SessionStore for Empty {
//!     async fn lookup(&self, _: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
//!         Ok(None)
//!     }
//!
//!     async fn ping(&self) -> Result<(), StoreError> {
//!         Ok(())
//!     }
//! }
//! ```
//!
//! **`&MemoryStore` is not a session store** (E0277): the resolver owns its store.
//! Pass the store itself, or a clone of an `Arc` of it.
//!
//! ```compile_fail,E0277
//! # use dcv_resolver_core::{MemoryStore, Resolver};
//! let store = MemoryStore::new();
//! let resolver = Resolver::new(&store);
//! ```

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{BoxFuture, SessionId, SessionRecord, StoreError};

/// A store that looks sessions up by id.
///
/// A store returns what it holds and checks no rule. Whether a record is live,
/// ready and offers the transport is the [`Resolver`](crate::Resolver)'s
/// decision, so the reasons are the same for every store.
///
/// # Contract
///
/// - **S1. Absence is an answer.** [`lookup`](Self::lookup) of an id that the
///   store does not hold returns `Ok(None)`.
/// - **S2. An outage is not absence.** Whenever the store cannot know whether
///   it holds the id, it returns `Err`: never `Ok(None)`, never a guess. Once
///   the outage is over, it answers again without having to be reopened.
/// - **S3. Records are returned unchanged**, byte for byte, for any id: long,
///   with spaces, quotes, or letters of any script. The owner and the labels
///   may be any text, including U+0000 and line breaks, and have no length
///   limit of their own. A store accepts at least 1,000 bytes for each of them,
///   100 bytes for a label's name, and 64 labels. It never truncates a record:
///   writing one that it cannot store whole is an error. A database whose text
///   type cannot hold U+0000 stores bytes, or escapes the character.
/// - **S4. Ids are compared byte for byte**: `console` is not `Console`.
/// - **S5. Expired records are returned**, until they are swept or removed, so
///   that the resolver can give that reason. A store reads no clock.
/// - **S6. Looking up changes nothing**: it never extends a lease, and any
///   number of concurrent lookups return the same result.
/// - **S7. A dropped future leaves no trace**: callers drop it when their time
///   budget ends, at any await point.
///
/// # Several tenants
///
/// Ids are unique within one store, and callers may keep the answer for an id:
/// a cache finds entries by the id alone. A store must therefore not give
/// different callers different answers for the same id, for example by a
/// task-local tenant. Use one store and one resolver for each tenant, and
/// choose the resolver from the request, as `examples/multi_tenant.rs` in the
/// repository does.
///
/// The `Debug` output of a store is printed in logs: show its kind, address and
/// size, never its sessions or a secret.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a session store",
    note = "implement `SessionStore` for it, with `#[async_trait]` on the `impl` block",
    note = "pass the store itself or an `Arc` of it, not a reference"
)]
pub trait SessionStore: fmt::Debug + Send + Sync + 'static {
    /// Returns the record of the session that clients know as `id`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store could not answer.
    /// [`StoreErrorKind`](crate::StoreErrorKind) lists which kind is for which
    /// situation.
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError>;

    /// Returns whether the store could answer a lookup now. It must use what a
    /// lookup uses: a ping that only tests the connection would succeed even if
    /// the table is missing.
    ///
    /// # Errors
    ///
    /// [`StoreError`] of the kind that a lookup would fail with.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Written without `#[async_trait]`, which would box the inner store's boxed
/// future once more.
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
