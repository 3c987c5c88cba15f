//! [`Reload`]: what a reload of valid files has changed.

/// The result of a reload of valid files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reload {
    /// The files hold the content that is already in use.
    Unchanged,
    /// The new content is in use now, and the former no longer.
    Replaced,
}
