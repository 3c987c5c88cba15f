//! [`Reload`]: what a reload of valid files has changed.

/// The result of a reload of valid files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reload {
    /// The files hold the content that is already in use.
    Unchanged,
    /// The new content has replaced the former one, and is in use now.
    Replaced,
}
