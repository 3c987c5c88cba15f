//! [`Tokens`]: who may use the admin API.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;

use super::role::Principal;
use super::token_file::{InvalidTokens, TokenFile};
use crate::watched_files::{Content, WatchedFiles, digest};

/// The bearer tokens of a file, which is read again when it changes.
///
/// A line for each token; words are separated by spaces or tabs. Empty lines,
/// and lines that begin with `#`, are passed over:
///
/// ```text
/// # NAME   ROLE        TOKEN: 32 to 1,024 visible ASCII characters
/// agents   read-write  0c9f…
/// grafana  read-only   5e1a…
/// ```
///
/// Names, which stand in the log for whoever holds the token, are unique, and
/// so are tokens.
///
/// # When the file changes
///
/// - **A good file** replaces all tokens at once: those that are no longer in
///   it are refused from then on.
/// - **A bad file** (a mistake, no token at all, not to be read) changes
///   nothing: the tokens that were read last stay good, since half a file is
///   what a look at the wrong moment sees.
/// - **No file** takes every token back. Deleting it is what somebody does who
///   wants the API closed at once, and unlike a bad file it is not mistaken
///   for anything else. [`watch`](Self::watch) waits for its next look, since
///   there are tools that replace a file by deleting it first. Whoever is
///   locked out by mistake is seen by the gateway all the same: it does not
///   come this way.
///
/// Clones share the tokens. `Debug` shows names and roles.
#[derive(Debug, Clone)]
pub struct Tokens(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    good: ArcSwap<Good>,
    /// The last look found no file.
    was_missing: AtomicBool,
}

/// What is good now.
#[derive(Debug)]
struct Good {
    file: TokenFile,
    /// Of the file's content; `None` when there is no file.
    digest: Option<u64>,
}

/// What a reload came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokensReload {
    /// The file holds the tokens that are good already.
    Unchanged,
    /// The tokens of the file are good now, and no others.
    Replaced,
}

/// Whether a file that is missing may be back at the next look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    OneLook,
    None,
}

/// A token file cannot be used. Displays as one line that quotes nothing of
/// the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokensError {
    /// The file cannot be read.
    #[error("{}: the token file cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// There is a mistake in the file.
    #[error("{}: {mistake}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What was expected, and where.
        #[source]
        mistake: InvalidTokens,
    },
    /// The file was deleted after it had been read.
    #[error(
        "{}: the token file is gone, and with it every token; nobody is let in until there is one again",
        path.display()
    )]
    Deleted {
        /// The file.
        path: PathBuf,
    },
}

impl Tokens {
    /// Reads the tokens of the file at `path`, which blocks for as long as that
    /// takes.
    ///
    /// # Errors
    ///
    /// [`TokensError`], when the file cannot be read, has a mistake, or holds
    /// no token: to go without the admin API is to configure no file.
    pub fn load(path: impl Into<PathBuf>) -> Result<Self, TokensError> {
        let tokens = Self(Arc::new(Inner {
            path: path.into(),
            good: ArcSwap::from_pointee(Good::NONE),
            was_missing: AtomicBool::new(false),
        }));
        match tokens.reload() {
            Err(TokensError::Deleted { path }) => Err(TokensError::Unreadable {
                path,
                source: io::ErrorKind::NotFound.into(),
            }),
            Err(error) => Err(error),
            Ok(_) => Ok(tokens),
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// How many tokens are good now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.good.load().file.len()
    }

    /// Whose `token` it is; `None` for one that is not good.
    ///
    /// The time that this takes tells how many tokens there are and how long
    /// they are, and nothing else about them.
    #[must_use]
    pub fn check(&self, token: &[u8]) -> Option<Principal> {
        self.0.good.load().file.holder_of(token).cloned()
    }

    /// Reads the file again, which blocks for as long as that takes.
    ///
    /// # Errors
    ///
    /// [`TokensError`]. The tokens that were good before stay good, unless the
    /// file is gone.
    pub fn reload(&self) -> Result<TokensReload, TokensError> {
        let replaced = self.take(self.watched().read(), Patience::None)?;
        Ok(replaced.unwrap_or(TokensReload::Unchanged))
    }

    /// Looks at the file once a second, and reloads it when its content has
    /// changed, until the future is dropped.
    ///
    /// What is wrong is told when it still is at the next look, and then once
    /// for the same content: as a `tracing` error, and to `on_reload`. A file
    /// that is good again without having changed anything is
    /// [`Unchanged`](TokensReload::Unchanged).
    ///
    /// It needs tokio's timer, and a thread of tokio's for blocking work while
    /// the file is read.
    pub async fn watch(&self, mut on_reload: impl FnMut(&Result<TokensReload, TokensError>)) {
        let take = |contents| self.take(contents, Patience::OneLook);
        let tell = |news: Result<Option<TokensReload>, TokensError>| {
            let result = news.map(|replaced| replaced.unwrap_or(TokensReload::Unchanged));
            self.log(&result);
            on_reload(&result);
        };
        self.watched().watch(take, tell).await;
    }

    fn watched(&self) -> WatchedFiles {
        WatchedFiles::new([self.0.path.clone()])
    }

    /// Takes what a look at the one file showed; `None` if it is good already.
    fn take(
        &self,
        mut contents: Vec<Content>,
        patience: Patience,
    ) -> Result<Option<TokensReload>, TokensError> {
        let inner = &self.0;
        let path = || inner.path.clone();
        let digest = digest(&contents);
        let content = contents.pop().unwrap_or_else(|| Ok(Vec::new()));

        let is_missing = matches!(&content, Err(error) if error.kind() == io::ErrorKind::NotFound);
        let was_missing = inner.was_missing.swap(is_missing, Ordering::Relaxed);
        if is_missing {
            if was_missing || patience == Patience::None {
                inner.good.store(Arc::new(Good::NONE));
            }
            return Err(TokensError::Deleted { path: path() });
        }
        if inner.good.load().digest == Some(digest) {
            return Ok(None);
        }
        let content = content.map_err(|source| TokensError::Unreadable {
            path: path(),
            source,
        })?;
        let file = TokenFile::parse(&content).map_err(|mistake| TokensError::Invalid {
            path: path(),
            mistake,
        })?;
        inner.good.store(Arc::new(Good {
            file,
            digest: Some(digest),
        }));
        Ok(Some(TokensReload::Replaced))
    }

    fn log(&self, result: &Result<TokensReload, TokensError>) {
        let tokens = self.count();
        let path = self.path().display();
        match result {
            Ok(TokensReload::Replaced) => {
                tracing::info!(%path, tokens, "the token file has changed");
            }
            Ok(TokensReload::Unchanged) => {
                tracing::info!(%path, tokens, "the token file is good again");
            }
            Err(error @ TokensError::Deleted { .. }) => {
                tracing::error!(%error, "the admin API is closed");
            }
            Err(error) => tracing::error!(
                %error,
                tokens,
                "the token file cannot be used; the tokens read before stay good",
            ),
        }
    }
}

impl Good {
    const NONE: Self = Self {
        file: TokenFile::NONE,
        digest: None,
    };
}
