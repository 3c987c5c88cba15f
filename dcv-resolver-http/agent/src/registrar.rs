//! [`Registrar`]: where an agent registers its sessions.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use dcv_resolver_core::{SessionId, SessionRecord, async_trait};

/// A place where sessions are registered under one lease token.
///
/// This is the part of [`SessionRegistry`](dcv_resolver_core::SessionRegistry)
/// that can also be carried out over HTTP; rules R1 to R8 of that trait apply.
/// Sessions have a time to live instead of an expiry, so that the clock of the
/// resolver, if there is one in between, decides when a session expires.
#[async_trait]
pub trait Registrar: fmt::Debug + Send + Sync + 'static {
    /// Stores `record`, to expire in `ttl`. The record's own expiry is ignored.
    ///
    /// # Errors
    ///
    /// [`RegistrarError`]. After [`Unavailable`](RegistrarError::Unavailable), it
    /// is unknown whether the record was stored; repeating the call is safe.
    async fn register(&self, record: &SessionRecord, ttl: Duration) -> Result<(), RegistrarError>;

    /// Changes the session `id` to expire in `ttl`.
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

/// An error that occurs when a call of a [`Registrar`] fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrarError {
    /// A live session with this id is registered under another lease.
    #[error("a live session with this id is registered under another lease")]
    AlreadyExists,
    /// There is no live session with this id under this lease.
    #[error("there is no live session with this id under this lease")]
    LeaseLost,
    /// The request is refused, and would be refused again: the token does not
    /// allow it, or the record that is stored under the id is damaged.
    #[error("the request is refused")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// The resolver or the store is unavailable. Other sessions may still
    /// succeed: a store on several machines can be partly unavailable.
    #[error("the session cannot be registered now")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}
