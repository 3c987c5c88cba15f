//! [`Role`]: what a bearer token allows.

use std::fmt;
use std::str::FromStr;

use dcv_resolver_http::Access;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Reads sessions.
    ReadOnly,
    /// Reads, registers, renews and removes sessions.
    ReadWrite,
}

impl Role {
    /// Returns the role as it is spelled in a token file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::ReadWrite => "read-write",
        }
    }

    /// Returns whether the role allows this access.
    #[must_use]
    pub fn allows(self, access: Access) -> bool {
        match self {
            Self::ReadOnly => access == Access::Read,
            Self::ReadWrite => true,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = InvalidRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "read-only" => Ok(Self::ReadOnly),
            "read-write" => Ok(Self::ReadWrite),
            _ => Err(InvalidRole),
        }
    }
}

/// The text is not the name of a [`Role`]. It does not quote the text, which
/// may be a token in the wrong place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a role is read-only or read-write")]
pub struct InvalidRole;
