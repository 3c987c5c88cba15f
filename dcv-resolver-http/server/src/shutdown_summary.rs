//! [`ShutdownSummary`]: how a server ended.

/// How a [`Server`](crate::Server) ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownSummary {
    /// The connections that were still busy at the end of the
    /// [grace](crate::Server::shutdown_grace) and were aborted.
    pub connections_aborted: usize,
}
