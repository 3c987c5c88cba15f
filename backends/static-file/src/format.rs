//! [`Format`]: TOML or JSON.

use std::path::Path;

use crate::LoadError;

/// The two ways to write a session file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// TOML, the format for people: snake_case keys below `[sessions.…]`.
    Toml,
    /// JSON, the dictionary of AWS's sample resolver: PascalCase keys.
    Json,
}

impl Format {
    /// The format that the extension of `path` names: `.toml` or `.json`.
    ///
    /// # Errors
    ///
    /// [`LoadError::UnknownFormat`], for any other extension and for none.
    pub fn of(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let path = path.as_ref();
        match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("toml") => Ok(Self::Toml),
            Some(extension) if extension.eq_ignore_ascii_case("json") => Ok(Self::Json),
            _ => Err(LoadError::UnknownFormat {
                path: path.to_owned(),
            }),
        }
    }

    /// The greatest size of a session file in this format, in bytes: 16 MiB of
    /// TOML, more than a hundred thousand sessions, and 512 MiB of JSON, a few
    /// million.
    ///
    /// TOML has less because reading a hostile or a broken file of it takes up
    /// to a hundred times its size in memory.
    #[must_use]
    pub const fn max_bytes(self) -> u64 {
        match self {
            Self::Toml => 16 << 20,
            Self::Json => 512 << 20,
        }
    }

    /// What the format calls a set of keys with values.
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
        assert_eq!(Format::of("a/sessions.toml").unwrap(), Format::Toml);
        assert_eq!(Format::of("SESSIONS.JSON").unwrap(), Format::Json);
        for path in [
            "sessions",
            "sessions.yaml",
            "toml",
            ".toml",
            "sessions.toml~",
        ] {
            assert_eq!(
                Format::of(path).unwrap_err().to_string(),
                format!("{path}: the name of a session file ends in .toml or .json"),
            );
        }
    }
}
