//! [`Format`]: TOML or JSON.

use std::path::Path;

/// The two formats of a session file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// TOML, the format for people: snake_case keys below `[sessions.…]`.
    Toml,
    /// JSON, the dictionary of AWS's sample resolver: PascalCase keys.
    Json,
}

impl Format {
    /// Returns the format that the extension of `path` names, `.toml` or
    /// `.json` in any case; `None` for any other extension and for none.
    #[must_use]
    pub fn from_path(path: impl AsRef<Path>) -> Option<Self> {
        let extension = path.as_ref().extension()?;
        if extension.eq_ignore_ascii_case("toml") {
            Some(Self::Toml)
        } else if extension.eq_ignore_ascii_case("json") {
            Some(Self::Json)
        } else {
            None
        }
    }

    /// Returns the greatest size of a session file in this format, in bytes: 4
    /// MiB of TOML, tens of thousands of sessions, and 512 MiB of JSON, a few
    /// million.
    ///
    /// TOML has less because its parser keeps the whole file in pieces: a valid
    /// file takes thirty times its size in memory, and a broken one up to 120
    /// times.
    #[must_use]
    pub const fn max_bytes(self) -> u64 {
        match self {
            Self::Toml => 4 << 20,
            Self::Json => 512 << 20,
        }
    }

    /// Returns the format's word for a set of keys with values.
    pub(crate) const fn table(self) -> &'static str {
        match self {
            Self::Toml => "a table",
            Self::Json => "an object",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_names_the_format() {
        assert_eq!(Format::from_path("a/sessions.toml"), Some(Format::Toml));
        assert_eq!(Format::from_path("SESSIONS.JSON"), Some(Format::Json));
        for path in [
            "sessions",
            "sessions.yaml",
            "toml",
            ".toml",
            "sessions.toml~",
        ] {
            assert_eq!(Format::from_path(path), None, "{path}");
        }
    }
}
