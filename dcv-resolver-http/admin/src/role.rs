//! [`Role`]: what a bearer token allows.

use std::fmt;
use std::str::FromStr;

use dcv_resolver_authorize::Access;
use strsim::damerau_levenshtein;

/// The role of a bearer token: what it allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Reads sessions.
    ReadOnly,
    /// Reads, registers, renews and removes sessions.
    ReadWrite,
    /// Does what [`ReadWrite`](Self::ReadWrite) does, and removes sessions of
    /// others without their lease tokens. It is for people, not for agents.
    Operator,
}

impl Role {
    const ALL: [Self; 3] = [Self::ReadOnly, Self::ReadWrite, Self::Operator];

    /// Returns the role as it is spelled in a token file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::ReadWrite => "read-write",
            Self::Operator => "operator",
        }
    }

    /// Returns whether the role allows this access.
    #[must_use]
    pub fn allows(self, access: Access) -> bool {
        match self {
            Self::ReadOnly => access == Access::Read,
            Self::ReadWrite | Self::Operator => true,
        }
    }

    /// Returns the role that `text` probably means.
    fn like(text: &str) -> Option<Self> {
        let text = letters(text);
        match &*text {
            "ro" | "read" | "reader" => return Some(Self::ReadOnly),
            "rw" | "write" | "writer" => return Some(Self::ReadWrite),
            "admin" | "ops" => return Some(Self::Operator),
            _ => {}
        }
        Self::ALL
            .into_iter()
            .find(|role| damerau_levenshtein(&letters(role.as_str()), &text) <= 2)
    }
}

/// Returns the letters of `text` alone, in lower case.
fn letters(text: &str) -> String {
    let letters = text.chars().filter(char::is_ascii_alphabetic);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = InvalidRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let role = Self::ALL.into_iter().find(|role| role.as_str() == text);
        role.ok_or_else(|| InvalidRole {
            meant: Self::like(text),
        })
    }
}

/// An error that occurs when a string is not the name of a [`Role`]. The
/// message does not quote the string, which may be a token in the wrong place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidRole {
    meant: Option<Role>,
}

impl fmt::Display for InvalidRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a role is read-only, read-write or operator")?;
        match self.meant {
            Some(role) => write!(f, "; did you mean {role}?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for InvalidRole {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_is_parsed_as_it_is_displayed() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
    }

    #[test]
    fn misspelt_role_is_recognized() {
        for (text, meant) in [
            ("readonly", Some(Role::ReadOnly)),
            ("Read-Only", Some(Role::ReadOnly)),
            ("read_write", Some(Role::ReadWrite)),
            ("raed-write", Some(Role::ReadWrite)),
            ("RW", Some(Role::ReadWrite)),
            ("operators", Some(Role::Operator)),
            ("admin", Some(Role::Operator)),
            ("everything", None),
            ("", None),
        ] {
            assert_eq!(text.parse::<Role>(), Err(InvalidRole { meant }), "{text}");
        }
        let error = "rw".parse::<Role>().unwrap_err().to_string();
        assert_eq!(
            error,
            "a role is read-only, read-write or operator; did you mean read-write?"
        );
    }
}
