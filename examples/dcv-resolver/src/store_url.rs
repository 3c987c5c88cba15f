//! [`StoreUrl`]: which store a URL names.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use dcv_resolver_redis::RedisConfig;
use dcv_resolver_sqlite::SqliteConfig;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::failure::Failure;

/// The text of a store's URL. It may hold a password, so it is never displayed;
/// and it parses after the command line, because clap quotes what it rejects.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct StoreText(String);

/// A store, as its URL names it.
#[derive(Debug)]
pub(crate) enum StoreUrl {
    /// `file:PATH`: a session file.
    File(PathBuf),
    /// `sqlite:PATH`: an SQLite database.
    Sqlite(SqliteConfig),
    /// `redis://`, `rediss://`, `redis+sentinel://`, `redis+cluster://` and so
    /// on.
    Redis(Box<RedisConfig>),
    /// `memory:`: nothing at first, and nothing left at the end.
    Memory,
}

/// Why a text names no store. It quotes nothing of the text.
#[derive(Debug)]
pub(crate) struct InvalidStoreUrl(Cow<'static, str>);

impl FromStr for StoreText {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for StoreText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreText(..)")
    }
}

impl JsonSchema for StoreText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Self::FORMAT.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // `writeOnly` marks what is never shown.
        json_schema!({ "type": "string", "format": Self::FORMAT, "writeOnly": true })
    }
}

impl StoreText {
    /// Whether the store keeps all sessions in memory, whatever it reads them
    /// from.
    pub(crate) fn is_in_memory(&self) -> bool {
        ["file:", "memory:"]
            .iter()
            .any(|scheme| self.0.starts_with(scheme))
    }

    /// Its name in the schema.
    pub(crate) const FORMAT: &str = "store-url";

    /// The store, as the option `--store` or its variable names it.
    pub(crate) fn option(&self) -> Result<StoreUrl, Failure> {
        self.parse()
            .map_err(|error| Failure::setup(format!("--store: {error}")))
    }

    pub(crate) fn parse(&self) -> Result<StoreUrl, InvalidStoreUrl> {
        self.0.parse()
    }

    /// Whether it names a session file, which is nobody's to write but a
    /// person's.
    pub(crate) fn is_session_file(&self) -> bool {
        self.0.starts_with("file:")
    }

    /// A relative path counts from `folder` from now on.
    pub(crate) fn rebase(&mut self, folder: &Path) {
        if let Some((scheme @ ("file" | "sqlite"), path)) = self.0.split_once(':') {
            let path = match scheme {
                "sqlite" => path.strip_prefix("//").unwrap_or(path),
                _ => path,
            };
            // An absolute path stays as it is.
            self.0 = format!("{scheme}:{}", folder.join(path).display());
        }
    }
}

impl StoreUrl {
    /// What logs call the store that has no other name.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => format!("file:{}", path.display()),
            Self::Sqlite(config) => format!("sqlite:{}", config.path().display()),
            Self::Redis(_) => "redis".to_owned(),
            Self::Memory => "memory:".to_owned(),
        }
    }

    /// Where it is, for whoever has to go and look.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Redis(config) => format!("redis at {}", config.servers()),
            other => other.name(),
        }
    }
}

impl FromStr for StoreUrl {
    type Err = InvalidStoreUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |error: String| InvalidStoreUrl(error.into());
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => file_path(path).map(Self::File),
            Some(("sqlite", _)) => (text.parse())
                .map(Self::Sqlite)
                .map_err(|error: dcv_resolver_sqlite::InvalidSqliteUrl| invalid(error.to_string())),
            Some((scheme, _)) if scheme.starts_with("redis") => RedisConfig::from_url(text)
                .map(|config| Self::Redis(Box::new(config)))
                .map_err(|error| invalid(error.chain().to_string())),
            Some(("memory", "")) => Ok(Self::Memory),
            _ => Err(InvalidStoreUrl(
                "expected file:PATH, sqlite:PATH, redis://HOST:PORT (or rediss, redis+sentinel, redis+cluster) or memory:".into(),
            )),
        }
    }
}

impl fmt::Display for InvalidStoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidStoreUrl {}

/// `file:a.toml`, `file:/etc/a.toml` and `file:///etc/a.toml` are understood.
fn file_path(path: &str) -> Result<PathBuf, InvalidStoreUrl> {
    match path.strip_prefix("//") {
        None => Ok(path.into()),
        Some(absolute) if absolute.starts_with('/') => Ok(absolute.into()),
        Some(_) => Err(InvalidStoreUrl(
            "a path follows the colon, or three slashes and an absolute path; a host is not supported".into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_in_three_ways() {
        for (url, expected) in [
            ("file:sessions.toml", "sessions.toml"),
            ("file:/etc/sessions.toml", "/etc/sessions.toml"),
            ("file:///etc/sessions.toml", "/etc/sessions.toml"),
        ] {
            let Ok(StoreUrl::File(path)) = url.parse() else {
                panic!("{url} is a file");
            };
            assert_eq!(path, PathBuf::from(expected));
        }
    }

    #[test]
    fn a_relative_path_counts_from_the_folder() {
        for (url, expected) in [
            ("file:sessions.toml", "file:/etc/dcv/sessions.toml"),
            ("file:/srv/sessions.toml", "file:/srv/sessions.toml"),
            ("file:///srv/sessions.toml", "file:/srv/sessions.toml"),
            ("sqlite:a.db?mode=ro", "sqlite:/etc/dcv/a.db"),
            ("sqlite://a.db", "sqlite:/etc/dcv/a.db"),
            ("sqlite:///srv/a.db", "sqlite:/srv/a.db"),
            ("redis://cache.example", "redis"),
            ("memory:", "memory:"),
        ] {
            let mut text = StoreText(url.to_owned());
            text.rebase(Path::new("/etc/dcv"));
            assert_eq!(text.parse().unwrap().name(), expected, "{url}");
        }
    }

    #[test]
    fn what_is_no_store_is_not_quoted() {
        for url in [
            "",
            "file:",
            "sqlite:",
            "memory:x",
            "tr0ub4dor.toml",
            "http://tr0ub4dor",
            "file://tr0ub4dor/a",
            "redis://:tr0ub4dor@",
            "redis://:tr0ub4dor@a:b:c",
        ] {
            let error = url.parse::<StoreUrl>().unwrap_err().to_string();
            assert!(!error.contains("tr0ub4dor"), "{error}");
            let failure = StoreText(url.to_owned()).option().unwrap_err();
            assert!(format!("{failure:?}").contains("--store: "), "{url}");
        }
    }
}
