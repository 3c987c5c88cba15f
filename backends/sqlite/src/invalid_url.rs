//! [`InvalidSqliteUrl`]: why a string is not the URL of an SQLite database.

/// An error that occurs when a string is not the URL of an SQLite database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSqliteUrl {
    /// The URL does not start with `sqlite:`.
    #[error("an SQLite URL must start with sqlite:, such as sqlite:sessions.db")]
    Scheme,
    /// The URL has no path.
    #[error("an SQLite URL must name a file, such as sqlite:sessions.db")]
    NoPath,
    /// The URL names an in-memory database.
    #[error("an in-memory database is lost with its connection; name a file")]
    InMemory,
    /// The query of the URL is not supported.
    #[error("the query of an SQLite URL must be mode=ro (read only), mode=rw or mode=rwc (create)")]
    Query,
}
