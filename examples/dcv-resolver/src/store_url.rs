//! [`StoreUrl`]: which store a URL names.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use dcv_resolver_redis::{InvalidRedisUrl, RedisConfig};
use dcv_resolver_sqlite::{InvalidSqliteUrl, SqliteConfig};
use dcv_resolver_upstream::{InvalidUpstreamUrl, UpstreamConfig};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::failure::Failure;

/// The text of a store's URL. It may hold a password, so it is never displayed.
/// It is parsed after the command line, because clap quotes what it rejects.
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
    /// `redis://`, `rediss://`, `redis+unix://`, `redis+sentinel://`,
    /// `redis+cluster://` and so on.
    Redis(Box<RedisConfig>),
    /// `https://` or `http://`: another resolver.
    Upstream(Box<UpstreamConfig>),
    /// `memory:`: empty at the start, and lost at the end.
    Memory,
}

/// The kind of store that a URL names by its scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreKind {
    File,
    Sqlite,
    Redis,
    Upstream,
    Memory,
}

/// The text is not a valid store URL. The message quotes nothing of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidStoreUrl {
    #[error(
        "expected file:PATH, sqlite:PATH, redis://HOST:PORT (or rediss, redis+unix, redis+sentinel, redis+cluster), https://HOST:PORT or http://HOST:PORT of another resolver, or memory:"
    )]
    Form,
    #[error("expected file:PATH or file:///ABSOLUTE/PATH; a host is not supported")]
    FileHost,
    #[error(transparent)]
    Sqlite(#[from] InvalidSqliteUrl),
    #[error(transparent)]
    Redis(#[from] InvalidRedisUrl),
    #[error(transparent)]
    Upstream(#[from] InvalidUpstreamUrl),
}

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
    /// Its name in the schema.
    pub(crate) const FORMAT: &str = "store-url";

    /// Parses the option `--store` or its environment variable.
    pub(crate) fn option(&self) -> Result<StoreUrl, Failure> {
        self.parse()
            .map_err(|error| Failure::option("--store", error))
    }

    pub(crate) fn parse(&self) -> Result<StoreUrl, InvalidStoreUrl> {
        self.0.parse()
    }

    /// Returns the kind of store that it names, if there is such a kind.
    pub(crate) fn kind(&self) -> Option<StoreKind> {
        StoreKind::of(&self.0)
    }

    /// Returns whether the store keeps all sessions in memory.
    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self.kind(), Some(StoreKind::File | StoreKind::Memory))
    }

    /// Returns whether sessions can be registered in the store.
    pub(crate) fn is_registry(&self) -> bool {
        !matches!(self.kind(), Some(StoreKind::File | StoreKind::Upstream))
    }

    /// Returns whether it names a database that is opened read-only.
    pub(crate) fn is_read_only_database(&self) -> bool {
        matches!(self.parse(), Ok(StoreUrl::Sqlite(config)) if config.is_read_only())
    }

    /// Returns whether it holds a password.
    pub(crate) fn has_password(&self) -> bool {
        matches!(self.parse(), Ok(StoreUrl::Redis(config)) if config.has_password())
    }

    /// Makes relative paths relative to `folder`. An absolute path stays as it is.
    pub(crate) fn rebase(&mut self, folder: &Path) {
        let Some((scheme, rest)) = self.0.split_once(':') else {
            return;
        };
        self.0 = match self.kind() {
            Some(StoreKind::File) => format!("{scheme}:{}", folder.join(rest).display()),
            Some(StoreKind::Sqlite) => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                format!("{scheme}:{}", folder.join(path).display())
            }
            Some(StoreKind::Redis | StoreKind::Upstream) => {
                let Some((url, parameters)) = self.0.split_once('?') else {
                    return;
                };
                let parameters: Vec<_> = parameters
                    .split('&')
                    .map(|parameter| rebased(parameter, folder))
                    .collect();
                format!("{url}?{}", parameters.join("&"))
            }
            Some(StoreKind::Memory) | None => return,
        };
    }
}

impl StoreKind {
    fn of(url: &str) -> Option<Self> {
        let (scheme, _) = url.split_once(':')?;
        Some(match scheme {
            "file" => Self::File,
            "sqlite" => Self::Sqlite,
            "http" | "https" => Self::Upstream,
            "memory" => Self::Memory,
            "unix" => Self::Redis,
            _ if scheme.starts_with("redis") || scheme.starts_with("valkey") => Self::Redis,
            _ => return None,
        })
    }
}

impl StoreUrl {
    /// Returns the name in logs of a store that has no other.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => format!("file:{}", path.display()),
            Self::Sqlite(config) => format!("sqlite:{}", config.path().display()),
            Self::Redis(_) => "redis".to_owned(),
            Self::Upstream(_) => "upstream".to_owned(),
            Self::Memory => "memory:".to_owned(),
        }
    }

    /// Returns whether it names a database that does not exist.
    pub(crate) fn is_missing_database(&self) -> bool {
        match self {
            Self::Sqlite(config) => config.path().try_exists().is_ok_and(|exists| !exists),
            _ => false,
        }
    }

    /// Returns where the store is, without secrets.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Redis(config) => format!("redis at {}", config.servers()),
            Self::Upstream(config) => format!("upstream at {}", config.base_url()),
            other => other.name(),
        }
    }
}

impl FromStr for StoreUrl {
    type Err = InvalidStoreUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match StoreKind::of(text).ok_or(InvalidStoreUrl::Form)? {
            StoreKind::File => Self::File(file_path(text)?),
            StoreKind::Sqlite => Self::Sqlite(text.parse()?),
            StoreKind::Redis => Self::Redis(Box::new(text.parse()?)),
            StoreKind::Upstream => Self::Upstream(Box::new(text.parse()?)),
            StoreKind::Memory if text == "memory:" => Self::Memory,
            StoreKind::Memory => return Err(InvalidStoreUrl::Form),
        })
    }
}

/// Makes the path in a parameter `…_file=PATH` relative to `folder`.
fn rebased(parameter: &str, folder: &Path) -> String {
    match parameter.split_once('=') {
        Some((name, path)) if name.ends_with("_file") && !path.starts_with(['/', '%']) => {
            let folder = folder.join("").display().to_string();
            let folder = utf8_percent_encode(&folder, PATH_IN_QUERY);
            format!("{name}={folder}{path}")
        }
        _ => parameter.to_owned(),
    }
}

/// What a path must not contain in a query.
const PATH_IN_QUERY: &AsciiSet = &CONTROLS.add(b'%').add(b'&').add(b'#').add(b'+').add(b' ');

/// Parses `file:a.toml`, `file:/etc/a.toml` and `file:///etc/a.toml`.
fn file_path(url: &str) -> Result<PathBuf, InvalidStoreUrl> {
    let path = url.strip_prefix("file:").ok_or(InvalidStoreUrl::Form)?;
    match path.strip_prefix("//") {
        None if path.is_empty() => Err(InvalidStoreUrl::Form),
        None => Ok(path.into()),
        Some(absolute) if absolute.starts_with('/') => Ok(absolute.into()),
        Some(_) => Err(InvalidStoreUrl::FileHost),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_url_has_three_forms() {
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
    fn rebase_changes_only_relative_paths() {
        for (url, expected) in [
            ("file:sessions.toml", "file:/etc/dcv/sessions.toml"),
            ("file:/srv/sessions.toml", "file:/srv/sessions.toml"),
            ("file:///srv/sessions.toml", "file:/srv/sessions.toml"),
            ("sqlite:a.db?mode=ro", "sqlite:/etc/dcv/a.db"),
            ("sqlite://a.db", "sqlite:/etc/dcv/a.db"),
            ("sqlite:///srv/a.db", "sqlite:/srv/a.db"),
            ("memory:", "memory:"),
        ] {
            let mut text = StoreText(url.to_owned());
            text.rebase(Path::new("/etc/dcv"));
            assert_eq!(text.parse().unwrap().name(), expected, "{url}");
        }
    }

    #[test]
    fn rebase_changes_files_in_parameters() {
        for (url, expected) in [
            (
                "rediss://a/1?ca_file=ca.pem&key_prefix=b",
                "rediss://a/1?ca_file=/etc/a%20%26%20b/ca.pem&key_prefix=b",
            ),
            ("rediss://a?ca_file=/ca.pem", "rediss://a?ca_file=/ca.pem"),
            ("redis://a?key_prefix=b", "redis://a?key_prefix=b"),
            ("redis://a", "redis://a"),
            (
                "https://a/b?ca_file=ca.pem&connect_timeout_ms=1",
                "https://a/b?ca_file=/etc/a%20%26%20b/ca.pem&connect_timeout_ms=1",
            ),
            ("https://a/b_file=c", "https://a/b_file=c"),
        ] {
            let mut text = StoreText(url.to_owned());
            text.rebase(Path::new("/etc/a & b"));
            assert_eq!(text.0, expected);
            assert!(text.parse().is_ok(), "{url}");
        }
    }

    #[test]
    fn invalid_store_url_is_not_quoted() {
        for url in [
            "",
            "file:",
            "sqlite:",
            "memory:x",
            "tr0ub4dor.toml",
            "ftp://tr0ub4dor",
            "https://ann:tr0ub4dor@a",
            "https://a?tr0ub4dor=b",
            "https://a?connect_timeout_ms=tr0ub4dor",
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
