//! [`StoreUrl`]: which store a URL names.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use dcv_resolver_redis::RedisConfig;
use dcv_resolver_sqlite::SqliteConfig;
use dcv_resolver_upstream::UpstreamConfig;
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

/// The text is not a valid store URL. The message quotes nothing of it.
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
    /// Returns whether the store keeps all sessions in memory.
    pub(crate) fn is_in_memory(&self) -> bool {
        ["file:", "memory:"]
            .iter()
            .any(|scheme| self.0.starts_with(scheme))
    }

    /// Returns whether it holds a password.
    pub(crate) fn has_password(&self) -> bool {
        let is_given = |name| self.0.contains(name);
        self.is_redis() && ["@", "password=", "pass="].into_iter().any(is_given)
    }

    /// Its name in the schema.
    pub(crate) const FORMAT: &str = "store-url";

    /// Parses the option `--store` or its environment variable.
    pub(crate) fn option(&self) -> Result<StoreUrl, Failure> {
        self.parse()
            .map_err(|error| Failure::setup(format!("--store: {error}")))
    }

    pub(crate) fn parse(&self) -> Result<StoreUrl, InvalidStoreUrl> {
        self.0.parse()
    }

    /// Returns whether it names a session file, which this program never
    /// writes.
    pub(crate) fn is_session_file(&self) -> bool {
        self.0.starts_with("file:")
    }

    /// Returns the scheme, if it is one of another resolver.
    pub(crate) fn upstream_scheme(&self) -> Option<&str> {
        let (scheme, _) = self.0.split_once(':')?;
        is_upstream(scheme).then_some(scheme)
    }

    /// Returns whether sessions can be registered in the store.
    pub(crate) fn is_registry(&self) -> bool {
        !self.is_session_file() && self.upstream_scheme().is_none()
    }

    /// Returns whether it names a database that is opened read-only.
    pub(crate) fn is_read_only_database(&self) -> bool {
        self.0.starts_with("sqlite:") && self.0.ends_with("?mode=ro")
    }

    /// Returns whether it names a Redis, which removes expired sessions itself.
    pub(crate) fn is_redis(&self) -> bool {
        self.redis_scheme().is_some()
    }

    /// Returns the scheme, if it is one of Redis.
    pub(crate) fn redis_scheme(&self) -> Option<&str> {
        let (scheme, _) = self.0.split_once(':')?;
        is_redis(scheme).then_some(scheme)
    }

    /// Makes relative paths relative to `folder`. An absolute path stays as it is.
    pub(crate) fn rebase(&mut self, folder: &Path) {
        match self.0.split_once(':') {
            Some((scheme @ ("file" | "sqlite"), path)) => {
                let path = match scheme {
                    "sqlite" => path.strip_prefix("//").unwrap_or(path),
                    _ => path,
                };
                self.0 = format!("{scheme}:{}", folder.join(path).display());
            }
            Some((scheme, _)) if is_redis(scheme) || is_upstream(scheme) => {
                if let Some((url, parameters)) = self.0.split_once('?') {
                    let parameters: Vec<_> = parameters
                        .split('&')
                        .map(|parameter| rebased(parameter, folder))
                        .collect();
                    self.0 = format!("{url}?{}", parameters.join("&"));
                }
            }
            _ => {}
        }
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
        let invalid = |error: String| InvalidStoreUrl(error.into());
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => file_path(path).map(Self::File),
            Some(("sqlite", _)) => (text.parse())
                .map(Self::Sqlite)
                .map_err(|error: dcv_resolver_sqlite::InvalidSqliteUrl| invalid(error.to_string())),
            Some((scheme, _)) if is_redis(scheme) => RedisConfig::from_url(text)
                .map(|config| Self::Redis(Box::new(config)))
                .map_err(|error| invalid(error.chain().to_string())),
            Some((scheme, _)) if is_upstream(scheme) => text.parse::<UpstreamConfig>()
                .map(|config| Self::Upstream(Box::new(config)))
                .map_err(|error| invalid(error.to_string())),
            Some(("memory", "")) => Ok(Self::Memory),
            _ => Err(InvalidStoreUrl(
                "expected file:PATH, sqlite:PATH, redis://HOST:PORT (or rediss, redis+unix, redis+sentinel, redis+cluster), https://HOST:PORT or http://HOST:PORT of another resolver, or memory:".into(),
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

fn is_redis(scheme: &str) -> bool {
    scheme.starts_with("redis") || scheme.starts_with("valkey") || scheme == "unix"
}

fn is_upstream(scheme: &str) -> bool {
    matches!(scheme, "http" | "https")
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
fn file_path(path: &str) -> Result<PathBuf, InvalidStoreUrl> {
    match path.strip_prefix("//") {
        None => Ok(path.into()),
        Some(absolute) if absolute.starts_with('/') => Ok(absolute.into()),
        Some(_) => Err(InvalidStoreUrl(
            "expected file:PATH or file:///ABSOLUTE/PATH; a host is not supported".into(),
        )),
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
