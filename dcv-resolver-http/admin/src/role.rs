//! [`Role`] and [`Principal`]: what a bearer token allows, and whose it is.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// To look at sessions.
    ReadOnly,
    /// To register, renew and remove sessions as well.
    ReadWrite,
}

impl Role {
    /// The role as it is spelled in a token file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::ReadWrite => "read-write",
        }
    }

    /// Whether sessions may be changed.
    #[must_use]
    pub const fn may_write(self) -> bool {
        matches!(self, Self::ReadWrite)
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

/// Whose token was presented, and what it allows. Never the token itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    name: Arc<str>,
    role: Role,
}

impl Principal {
    pub(super) fn new(name: &str, role: Role) -> Self {
        Self {
            name: name.into(),
            role,
        }
    }

    /// The name that the token has in its file, for logs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the token allows.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }
}
