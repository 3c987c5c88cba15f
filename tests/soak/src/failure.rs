//! [`Failure`]: why there is no result.

use std::io;

/// Why the run could not be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{doing}: {source}")]
    Io { doing: String, source: io::Error },
    #[error("{0}")]
    Other(String),
}

pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Returns a conversion of an error that happened while `doing` something.
pub(crate) fn doing(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Failure {
    |source| Failure::Io {
        doing: doing.into(),
        source,
    }
}
