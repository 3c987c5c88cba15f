//! [`Place`]: a number of sessions, and the ways to them.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use dcv_resolver_core::SessionImport;
use dcv_resolver_redis::{RedisConfig, RedisStore};
use dcv_resolver_sqlite::{SqliteConfig, SqliteStore};

use super::admin_api::AdminApi;
use super::bare_redis::BareRedis;
use super::bare_sqlite::BareSqlite;
use super::caller::{Caller, Way};
use super::library::Library;
use crate::failure::{Failure, Result, While};
use crate::process;

/// A number of sessions, and the ways to them. On the command line it is four
/// words.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) sessions: usize,
    /// The store that the library opens.
    pub(crate) library: String,
    /// The one that the driver opens: a copy, or the same server.
    pub(crate) bare: String,
    pub(crate) admin_api: SocketAddr,
}

type Callers = Vec<(Way, Box<dyn Caller>)>;

impl Place {
    pub(super) async fn callers(&self) -> Result<Callers> {
        let library: Arc<dyn SessionImport>;
        let bare: Box<dyn Caller>;
        if let Some(path) = self.bare.strip_prefix("sqlite:") {
            let config: SqliteConfig = self.library.parse().while_doing(&self.library)?;
            let store = SqliteStore::open(config).await;
            library = Arc::new(store.while_doing("cannot open the database")?);
            bare = Box::new(BareSqlite::open(path.as_ref()).await?);
        } else {
            let config: RedisConfig = self.library.parse().while_doing(&self.library)?;
            library = Arc::new(RedisStore::new(config));
            bare = Box::new(BareRedis::open(&self.bare).await?);
        }
        Ok(vec![
            (Way::Library, Box::new(Library::over(library))),
            (Way::Bare, bare),
            (Way::AdminApi, Box::new(AdminApi::connect(self.admin_api)?)),
        ])
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sessions,
            library,
            bare,
            admin_api,
        } = self;
        write!(f, "{sessions} {library} {bare} {admin_api}")
    }
}

impl FromStr for Place {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self> {
        let words: Vec<_> = text.split(' ').collect();
        let &[sessions, library, bare, admin_api] = words.as_slice() else {
            return Err(Failure::new("expected SESSIONS LIBRARY BARE ADMIN_API"));
        };
        Ok(Self {
            sessions: process::number(sessions)?,
            library: library.to_owned(),
            bare: bare.to_owned(),
            admin_api: admin_api.parse().while_doing(admin_api)?,
        })
    }
}
