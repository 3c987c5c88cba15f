//! [`Tokens`]: who may use the admin API.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::{self, MissedTickBehavior};

use super::role::TokenHolder;
use super::token_file::{InvalidTokens, TokenFile};

/// How often [`Tokens::watch`] looks at the file.
const PERIOD: Duration = Duration::from_secs(1);

/// Thousands of tokens.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

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
/// - **No file** takes every token back, once it has been missing for two
///   looks in a row. Deleting the file is what somebody does who wants the API
///   closed at once, and unlike a bad file it is not mistaken for anything
///   else; a tool that replaces a file by deleting it first is done by then.
///   Whoever is locked out by mistake can still resolve: the gateway does not
///   come this way.
///
/// Clones share the tokens. `Debug` shows names and roles.
#[derive(Debug, Clone)]
pub struct Tokens(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    file: ArcSwap<TokenFile>,
    last: Mutex<Last>,
}

/// What the last look at the file showed.
#[derive(Debug)]
struct Last {
    seen: Seen,
    /// Missing, but not for long enough to mean it.
    is_missing: bool,
}

#[derive(PartialEq, Eq)]
enum Seen {
    Content(Vec<u8>),
    Unreadable(io::ErrorKind),
    Deleted,
}

/// Without the content.
impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Content(_) => "Content(..)",
            Self::Unreadable(_) => "Unreadable",
            Self::Deleted => "Deleted",
        })
    }
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
    /// Reads the tokens of the file at `path`.
    ///
    /// # Errors
    ///
    /// [`TokensError`], when the file cannot be read, has a mistake, or holds
    /// no token: to go without the admin API is to configure no file.
    pub fn load(path: impl Into<PathBuf>) -> Result<Self, TokensError> {
        let path = path.into();
        let content = match read(&path) {
            Ok(content) => content,
            Err(source) => return Err(TokensError::Unreadable { path, source }),
        };
        let file = match TokenFile::parse(&content) {
            Ok(file) => file,
            Err(mistake) => return Err(TokensError::Invalid { path, mistake }),
        };
        Ok(Self(Arc::new(Inner {
            path,
            file: ArcSwap::from_pointee(file),
            last: Mutex::new(Last {
                seen: Seen::Content(content),
                is_missing: false,
            }),
        })))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// How many tokens are good now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.file.load().len()
    }

    /// Whose `token` it is; `None` for one that is not good.
    ///
    /// The time that this takes tells how many tokens there are and how long
    /// they are, and nothing else about them.
    #[must_use]
    pub fn check(&self, token: &[u8]) -> Option<TokenHolder> {
        self.0.file.load().holder_of(token).cloned()
    }

    /// Looks at the file now. `None` when there is nothing new: the same
    /// content as before, good or bad, or the same reason not to read it.
    /// Otherwise the number of tokens, or why the file cannot be used.
    ///
    /// It reads a small file, which may block for a moment.
    pub fn reload(&self) -> Option<Result<usize, TokensError>> {
        // Nothing panics half-way through a change.
        let mut last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        let looked = read(&self.0.path);
        let is_missing = matches!(&looked, Err(error) if error.kind() == io::ErrorKind::NotFound);
        let was_missing = std::mem::replace(&mut last.is_missing, is_missing);
        if is_missing && !was_missing && last.seen != Seen::Deleted {
            return None;
        }
        let seen = match &looked {
            Ok(content) => Seen::Content(content.clone()),
            Err(_) if is_missing => Seen::Deleted,
            Err(error) => Seen::Unreadable(error.kind()),
        };
        if seen == last.seen {
            return None;
        }
        last.seen = seen;
        Some(self.take(looked))
    }

    fn take(&self, looked: io::Result<Vec<u8>>) -> Result<usize, TokensError> {
        let path = || self.0.path.clone();
        match looked {
            Ok(content) => {
                let file = TokenFile::parse(&content).map_err(|mistake| TokensError::Invalid {
                    path: path(),
                    mistake,
                })?;
                let count = file.len();
                self.0.file.store(Arc::new(file));
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.0.file.store(Arc::new(TokenFile::NONE));
                Err(TokensError::Deleted { path: path() })
            }
            Err(source) => Err(TokensError::Unreadable {
                path: path(),
                source,
            }),
        }
    }

    /// Looks at the file once a second, for ever. Each time there is something
    /// new it logs it and calls `on_reload`, as [`reload`](Self::reload) says:
    /// once for each content, however long a bad file stays.
    ///
    /// It needs a tokio runtime with its timer enabled; drop the future to
    /// stop it.
    pub fn watch<F>(&self, on_reload: F) -> impl Future<Output = ()> + Send + use<F>
    where
        F: Fn(&Result<usize, TokensError>) + Send + 'static,
    {
        let tokens = self.clone();
        async move {
            let mut ticks = time::interval(PERIOD);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let looking = tokens.clone();
                let looked = tokio::task::spawn_blocking(move || looking.reload()).await;
                // An error is a runtime that ends.
                if let Ok(Some(reload)) = looked {
                    tell(&tokens, &reload);
                    on_reload(&reload);
                }
            }
        }
    }
}

fn tell(tokens: &Tokens, reload: &Result<usize, TokensError>) {
    let path = tokens.path().display();
    match reload {
        Ok(count) => tracing::info!(%path, tokens = count, "the token file has changed"),
        Err(error @ TokensError::Deleted { .. }) => {
            tracing::error!(%error, "the admin API is closed")
        }
        Err(error) => tracing::error!(
            %error,
            tokens = tokens.count(),
            "the token file cannot be used; the tokens read before stay good",
        ),
    }
}

/// The content of a small file; an error for anything else, such as a pipe
/// that would never end.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(invalid("it is not a file"));
    }
    let mut content = Vec::new();
    File::open(path)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut content)?;
    if content.len() as u64 > MAX_FILE_BYTES {
        return Err(invalid("it is larger than 1 MiB"));
    }
    Ok(content)
}

fn invalid(sentence: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, sentence)
}
