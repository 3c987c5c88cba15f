//! [`SqliteConfig`]: which file is opened, and how.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::invalid_url::InvalidSqliteUrl;

/// The settings of a [`SqliteStore`](crate::SqliteStore): which database file
/// it opens, and how.
///
/// While the file is open, a call that executes one statement returns within
/// the sum of the two timeouts, by default 0.8 s. Only `ping`, `import` and
/// `sweep` execute several statements. Writes and listings first wait for their
/// turn, at most for the acquire timeout. A call that finds that the file was
/// replaced first waits for it to be opened again, at most for the acquire
/// timeout. A resolver's time budget limits all of this.
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
    pub(crate) migrate: bool,
    pub(crate) max_connections: NonZeroU32,
    pub(crate) busy_timeout: Duration,
    pub(crate) acquire_timeout: Duration,
}

impl SqliteConfig {
    /// Creates the settings for the database in the file `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            create_if_missing: false,
            read_only: false,
            migrate: true,
            max_connections: const { NonZeroU32::new(4).unwrap() },
            busy_timeout: Duration::from_millis(300),
            acquire_timeout: Duration::from_millis(500),
        }
    }

    /// Sets whether [`open`](crate::SqliteStore::open) creates the file, or the
    /// tables in it, if they are missing. Default: `false`.
    ///
    /// This applies only to that call. A file that disappears later is an
    /// outage, and is never replaced by an empty database.
    #[must_use]
    pub fn create_if_missing(mut self, create: bool) -> Self {
        self.create_if_missing = create;
        self
    }

    /// Sets whether the database is opened read-only: nothing is registered,
    /// created, migrated or switched to a write-ahead log. Tables of older
    /// versions are read as they are. Default: `false`.
    ///
    /// The directory must still be writable: SQLite creates the files `-wal`
    /// and `-shm` beside the database, and the store moves away those of a
    /// replaced file. The database file itself is not written.
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Sets whether older tables are migrated, and the database is switched to a
    /// write-ahead log, when the file is opened for writing. Default: `true`.
    ///
    /// Programs that only know the older version refuse a migrated database. To
    /// upgrade them one after the other, open it without migration until the
    /// last one is upgraded: lookups and listings work, registering is
    /// `Incompatible` until the database is migrated.
    #[must_use]
    pub fn migrate(mut self, migrate: bool) -> Self {
        self.migrate = migrate;
        self
    }

    /// Sets the number of connections for lookups and listings, each with its
    /// own thread. Unless the database is opened read-only, there is one more for
    /// writes. Default: 4.
    #[must_use]
    pub fn max_connections(mut self, connections: NonZeroU32) -> Self {
        self.max_connections = connections;
        self
    }

    /// Sets how long a statement waits for the lock of another connection.
    /// Default: 300 ms.
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Sets how long a call waits for a free connection, and for the file to be
    /// opened again when it was replaced. Default: 500 ms.
    #[must_use]
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire_timeout = timeout;
        self
    }

    /// Returns the path of the database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether the database is opened read-only.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }
}

/// Parses `sqlite:PATH` and `sqlite://PATH`, with `?mode=ro` for read-only,
/// `?mode=rwc` to create what is missing, and `?mode=rw` for neither, the
/// default. The path is used verbatim: nothing is decoded.
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
    fn url_sets_path_and_mode() {
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
    fn each_invalid_url_has_its_own_error() {
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
