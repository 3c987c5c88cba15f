//! [`Registrar`]: where an agent registers its sessions.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use dcv_resolver_core::{SessionId, SessionRecord, async_trait};

/// Registers sessions under one lease token.
///
/// It is a part of [`SessionRegistry`](dcv_resolver_core::SessionRegistry), whose
/// rules R1 to R8 apply, in a form that can also be carried out over HTTP.
/// A time to live is given instead of an expiry, so that the clock of a resolver
/// decides when a session expires, where there is one in between.
#[async_trait]
pub trait Registrar: fmt::Debug + Send + Sync + 'static {
    /// Stores `record`, to expire in `ttl`. The record's own expiry is ignored.
    ///
    /// # Errors
    ///
    /// [`RegistrarError`]. After [`Unavailable`](RegistrarError::Unavailable), it
    /// is unknown whether the record was stored; repeating the call is safe.
    async fn register(&self, record: &SessionRecord, ttl: Duration) -> Result<(), RegistrarError>;

    /// Lets the session `id` expire in `ttl`.
    ///
    /// # Errors
    ///
    /// [`RegistrarError`], and [`LeaseLost`](RegistrarError::LeaseLost) when the
    /// session has to be registered again.
    async fn renew(&self, id: &SessionId, ttl: Duration) -> Result<(), RegistrarError>;

    /// Removes the session `id`. One that is absent, or registered under another
    /// lease, is left alone.
    ///
    /// # Errors
    ///
    /// [`RegistrarError`], when it is unknown whether the session was removed.
    async fn deregister(&self, id: &SessionId) -> Result<(), RegistrarError>;
}

/// Why a [`Registrar`] did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrarError {
    /// A live session of this id is registered under another lease.
    #[error("a live session of this id is registered under another lease")]
    AlreadyExists,
    /// There is no live session of this id under this lease.
    #[error("there is no live session of this id under this lease")]
    LeaseLost,
    /// This request is refused, and would be again: the token does not allow it,
    /// or the record that is stored under the id is damaged.
    #[error("the request is refused")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// The resolver or the store is away. Other sessions may be tried: a store of
    /// several machines can be away in part.
    #[error("the session cannot be registered now")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}
