//! [`StoreUrl`]: which store `--store` names.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use dcv_resolver_redis::RedisConfig;
use dcv_resolver_sqlite::SqliteConfig;

use crate::failure::Failure;

/// The text of `--store`. It may hold a password, so it is never displayed;
/// and it parses after the command line, because clap quotes what it rejects.
#[derive(Clone)]
pub(crate) struct StoreText(String);

/// A store, as it is named on the command line.
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

impl StoreText {
    pub(crate) fn parse(&self) -> Result<StoreUrl, Failure> {
        match self.0.split_once(':') {
            Some(("file", path)) if !path.is_empty() => file_path(path).map(StoreUrl::File),
            Some(("sqlite", _)) => (self.0.parse::<SqliteConfig>())
                .map(StoreUrl::Sqlite)
                .map_err(|error| Failure::setup(format!("--store: {error}"))),
            Some((scheme, _)) if scheme.starts_with("redis") => RedisConfig::from_url(&self.0)
                .map(|config| StoreUrl::Redis(Box::new(config)))
                .map_err(|error| Failure::setup(format!("--store: {}", error.chain()))),
            Some(("memory", "")) => Ok(StoreUrl::Memory),
            _ => Err(Failure::setup(
                "--store: expected file:PATH, sqlite:PATH, redis://HOST:PORT (or rediss, redis+sentinel, redis+cluster) or memory:",
            )),
        }
    }
}

/// `file:a.toml`, `file:/etc/a.toml` and `file:///etc/a.toml` are understood.
fn file_path(path: &str) -> Result<PathBuf, Failure> {
    match path.strip_prefix("//") {
        None => Ok(path.into()),
        Some(absolute) if absolute.starts_with('/') => Ok(absolute.into()),
        Some(_) => Err(Failure::setup(
            "--store: a path follows the colon, or three slashes and an absolute path; a host is not supported",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<StoreUrl, Failure> {
        StoreText(url.to_owned()).parse()
    }

    #[test]
    fn a_file_is_named_in_three_ways() {
        for (url, expected) in [
            ("file:sessions.toml", "sessions.toml"),
            ("file:/etc/sessions.toml", "/etc/sessions.toml"),
            ("file:///etc/sessions.toml", "/etc/sessions.toml"),
        ] {
            let Ok(StoreUrl::File(path)) = parse(url) else {
                panic!("{url} is a file");
            };
            assert_eq!(path, PathBuf::from(expected));
        }
    }

    #[test]
    fn what_is_no_store_is_not_quoted() {
        for url in [
            "",
            "file:",
            "sqlite:",
            "memory:x",
            "secret.toml",
            "http://secret",
            "file://secret/a",
        ] {
            let failure = format!("{:?}", parse(url).unwrap_err());
            assert!(failure.contains("--store: "), "{failure}");
            assert!(!failure.contains("secret"), "{failure}");
        }
    }
}
