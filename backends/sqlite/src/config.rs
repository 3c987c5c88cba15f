//! [`SqliteConfig`]: which file, and how it is opened.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// Which database file a [`SqliteStore`](crate::SqliteStore) opens, and how.
///
/// On a file that is open, a call of one statement, which all but `ping`,
/// `import` and `sweep` are, is answered within the sum of the two timeouts,
/// with an error if need be: 0.8 s unless set otherwise. A call that finds the
/// file replaced waits for its opening first, at most as long as for a
/// connection. A resolver's own time budget holds for all of it.
///
/// ```
/// use std::time::Duration;
///
/// use dcv_resolver_sqlite::SqliteConfig;
///
/// let config = SqliteConfig::new("/var/lib/dcv/sessions.db")
///     .create_if_missing(true)
///     .busy_timeout(Duration::from_millis(200));
/// assert_eq!(config.path().to_str(), Some("/var/lib/dcv/sessions.db"));
///
/// // The same file, opened for reading only.
/// let config: SqliteConfig = "sqlite:///var/lib/dcv/sessions.db?mode=ro".parse()?;
/// assert_eq!(config.path().to_str(), Some("/var/lib/dcv/sessions.db"));
/// # Ok::<(), dcv_resolver_sqlite::InvalidSqliteUrl>(())
/// ```
#[derive(Debug, Clone)]
pub struct SqliteConfig {
    pub(crate) path: PathBuf,
    pub(crate) create_if_missing: bool,
    pub(crate) read_only: bool,
    pub(crate) max_connections: NonZeroU32,
    pub(crate) busy_timeout: Duration,
    pub(crate) acquire_timeout: Duration,
}

impl SqliteConfig {
    /// The database in the file `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            create_if_missing: false,
            read_only: false,
            max_connections: const { NonZeroU32::new(4).unwrap() },
            busy_timeout: Duration::from_millis(300),
            acquire_timeout: Duration::from_millis(500),
        }
    }

    /// Whether [`open`](crate::SqliteStore::open) may make what is missing:
    /// the file, or our tables in it. `false` unless set.
    ///
    /// It holds for that one call. A file that vanishes later is an outage,
    /// and never replaced by an empty one.
    #[must_use]
    pub fn create_if_missing(mut self, create: bool) -> Self {
        self.create_if_missing = create;
        self
    }

    /// Whether the database is opened for reading only: nothing is registered,
    /// created, migrated or switched to WAL. `false` unless set.
    ///
    /// SQLite still makes and maps the files `-wal` and `-shm` beside it, and
    /// those that a replaced file left behind are moved out of the way, so the
    /// folder has to be writable. The database file itself is not written.
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// How many connections are opened, a thread each; 4 unless set.
    #[must_use]
    pub fn max_connections(mut self, connections: NonZeroU32) -> Self {
        self.max_connections = connections;
        self
    }

    /// How long a statement waits for another connection's lock; 300 ms unless
    /// set.
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// How long a call waits for one of this store's connections, and for all
    /// of them to be opened anew where that is needed; 500 ms unless set.
    #[must_use]
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire_timeout = timeout;
        self
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Why a text is not the URL of an SQLite database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSqliteUrl {
    /// It does not start with `sqlite:`.
    #[error("an SQLite URL starts with sqlite:, such as sqlite:sessions.db")]
    Scheme,
    /// No path follows.
    #[error("an SQLite URL names a file, such as sqlite:sessions.db")]
    NoPath,
    /// It names a database in memory.
    #[error("a database in memory is gone with its connection; name a file")]
    InMemory,
    /// The query is neither of the two that are understood.
    #[error(
        "after the ? of an SQLite URL stands mode=ro (read only), mode=rw or mode=rwc (create)"
    )]
    Query,
}

/// Parses `sqlite:PATH` and `sqlite://PATH`, with `?mode=ro` to read only,
/// `?mode=rwc` to create what is missing, and `?mode=rw` for neither, as
/// without a query. The path is taken as it stands: nothing is decoded.
impl FromStr for SqliteConfig {
    type Err = InvalidSqliteUrl;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let rest = url
            .strip_prefix("sqlite:")
            .ok_or(InvalidSqliteUrl::Scheme)?;
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (path, query) = rest
            .split_once('?')
            .map_or((rest, None), |(path, query)| (path, Some(query)));
        if path.is_empty() {
            return Err(InvalidSqliteUrl::NoPath);
        }
        if path == ":memory:" {
            return Err(InvalidSqliteUrl::InMemory);
        }
        let config = Self::new(path);
        match query {
            None | Some("mode=rw") => Ok(config),
            Some("mode=ro") => Ok(config.read_only(true)),
            Some("mode=rwc") => Ok(config.create_if_missing(true)),
            Some(_) => Err(InvalidSqliteUrl::Query),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_a_path_and_a_mode() {
        for (url, path, read_only, create) in [
            ("sqlite:sessions.db", "sessions.db", false, false),
            ("sqlite:///srv/a b.db?mode=rw", "/srv/a b.db", false, false),
            (
                "sqlite:/srv/100%25.db?mode=ro",
                "/srv/100%25.db",
                true,
                false,
            ),
            ("sqlite://sessions.db?mode=rwc", "sessions.db", false, true),
        ] {
            let config: SqliteConfig = url.parse().unwrap();
            assert_eq!(config.path(), Path::new(path), "{url}");
            assert_eq!(config.read_only, read_only, "{url}");
            assert_eq!(config.create_if_missing, create, "{url}");
        }
    }

    #[test]
    fn each_mistake_has_its_own_error() {
        for (url, error) in [
            ("sessions.db", InvalidSqliteUrl::Scheme),
            ("sqlite:", InvalidSqliteUrl::NoPath),
            ("sqlite://?mode=ro", InvalidSqliteUrl::NoPath),
            ("sqlite::memory:", InvalidSqliteUrl::InMemory),
            ("sqlite:a.db?mode=memory", InvalidSqliteUrl::Query),
        ] {
            assert_eq!(url.parse::<SqliteConfig>().unwrap_err(), error, "{url}");
        }
    }
}
