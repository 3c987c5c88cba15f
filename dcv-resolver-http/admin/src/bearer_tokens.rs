//! [`BearerTokens`]: who may use the admin API, from a file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use dcv_resolver_authorize::{AccessRequest, AuthError, Authorize, Principal};
use dcv_resolver_core::async_trait;
use dcv_resolver_file_watch::{Content, Reload, WatchedFiles, digest, read};

use crate::authorization_header::bearer_token;
use crate::role::Role;
use crate::token_file::{InvalidTokens, TokenFile};

/// The bearer tokens of a file, which is read again when it changes.
///
/// The file has one line for each token, with fields separated by spaces or
/// tabs. Empty lines and lines that begin with `#` are ignored:
///
/// ```text
/// # NAME   ROLE        TOKEN: 32 to 1,024 visible ASCII characters
/// agents   read-write  0c9f…
/// grafana  read-only   5e1a…
/// ann      operator    77b2…
/// ws-17    read-write  d04c…  ids=*@ws-17.dcv.example  hosts=ws-17.dcv.example
/// ```
///
/// After the token there may be limits, the
/// [`Scope`](dcv_resolver_authorize::Scope) of the caller: `ids=PATTERN` and
/// `hosts=PATTERN`, each as often as needed. In a pattern, `*` stands for any
/// number of characters. If there are several patterns for ids, one of them
/// must match; the same holds for hosts.
///
/// The name identifies the token in the log. Names are unique, and so are
/// tokens. [`authorize`](Authorize::authorize) expects the token in the header
/// `Authorization: Bearer TOKEN` and returns its name, [role](Role) and limits
/// as a [`Principal`].
///
/// # When the file changes
///
/// - **A valid file** replaces all tokens at once: those that are no longer in
///   it are refused from then on.
/// - **An invalid file** (a syntax error, no token at all, unreadable) changes
///   nothing. The tokens that were read last stay valid, because a file may be
///   read while it is half written.
/// - **A deleted file** revokes every token. Delete the file to close the API
///   at once. [`watch`](Self::watch) checks a second time before it revokes the
///   tokens, because some tools replace a file by deleting it first. Gateways
///   are not affected: they do not use the API.
///
/// Clones share the tokens. `Debug` shows names and roles.
#[derive(Debug, Clone)]
pub struct BearerTokens(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    current: ArcSwap<Current>,
    /// The last check found no file.
    was_missing: AtomicBool,
}

/// The tokens that are valid now.
#[derive(Debug)]
struct Current {
    file: TokenFile,
    /// The digest of the file's content; `None` if there is no file.
    digest: Option<u64>,
}

/// When a file that is missing counts as deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IfMissing {
    RevokeAtSecondLook,
    RevokeAtOnce,
}

/// An error that occurs when a token file cannot be used. Displays as one line
/// that quotes nothing of the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokensError {
    /// The file cannot be read.
    #[error("cannot read the token file {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The content of the file is invalid.
    #[error("{}: {source}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What was expected, and where.
        source: InvalidTokens,
    },
    /// The file was deleted after it had been read.
    #[error(
        "{}: the token file was deleted, and every token is revoked; create the file again to let callers in",
        path.display()
    )]
    Deleted {
        /// The file.
        path: PathBuf,
    },
}

impl BearerTokens {
    /// Reads the tokens of the file at `path`. This blocks the thread.
    ///
    /// # Errors
    ///
    /// [`TokensError`], if the file cannot be read, is invalid, or holds no
    /// token.
    pub fn load(path: impl Into<PathBuf>) -> Result<Self, TokensError> {
        let path = path.into();
        let content = read(&path).map_err(|source| TokensError::Unreadable {
            path: path.clone(),
            source,
        })?;
        let tokens = Self(Arc::new(Inner {
            path,
            current: ArcSwap::from_pointee(Current::NONE),
            was_missing: AtomicBool::new(false),
        }));
        tokens.take(vec![Ok(content)], IfMissing::RevokeAtOnce)?;
        Ok(tokens)
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Returns how many tokens are valid.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.current.load().file.len()
    }

    /// Reads the file again. This blocks the thread.
    ///
    /// # Errors
    ///
    /// [`TokensError`], if the file cannot be used. The tokens that were valid
    /// before stay valid, unless the file was deleted.
    pub fn reload(&self) -> Result<Reload, TokensError> {
        self.take(self.watched().read(), IfMissing::RevokeAtOnce)
    }

    /// Reads the file once a second and reloads the tokens when its content has
    /// changed, until the future is dropped.
    ///
    /// Every reload is logged with [`tracing`] and reported to `on_reload`. An
    /// error is reported if it persists at the next reading, and then once for
    /// the same content. A file that is valid again with the same tokens as
    /// before is reported as [`Unchanged`](Reload::Unchanged).
    ///
    /// This needs tokio's timer, and one of tokio's threads for blocking work
    /// while the file is read.
    pub async fn watch(&self, mut on_reload: impl FnMut(&Result<Reload, TokensError>)) {
        let take = |contents| self.take(contents, IfMissing::RevokeAtSecondLook);
        let report = |result| {
            self.log(&result);
            on_reload(&result);
        };
        self.watched().watch(take, report).await;
    }

    fn watched(&self) -> WatchedFiles {
        WatchedFiles::new([self.0.path.clone()])
    }

    /// Uses the content of the one file.
    fn take(
        &self,
        mut contents: Vec<Content>,
        if_missing: IfMissing,
    ) -> Result<Reload, TokensError> {
        let inner = &self.0;
        let path = || inner.path.clone();
        let digest = digest(&contents);
        let content = contents.pop().unwrap_or_else(|| Ok(Vec::new()));

        let is_missing = matches!(&content, Err(error) if error.kind() == io::ErrorKind::NotFound);
        let was_missing = inner.was_missing.swap(is_missing, Ordering::Relaxed);
        if is_missing {
            if was_missing || if_missing == IfMissing::RevokeAtOnce {
                inner.current.store(Arc::new(Current::NONE));
            }
            return Err(TokensError::Deleted { path: path() });
        }
        if inner.current.load().digest == Some(digest) {
            return Ok(Reload::Unchanged);
        }
        let content = content.map_err(|source| TokensError::Unreadable {
            path: path(),
            source,
        })?;
        let file = TokenFile::parse(&content).map_err(|source| TokensError::Invalid {
            path: path(),
            source,
        })?;
        inner.current.store(Arc::new(Current {
            file,
            digest: Some(digest),
        }));
        Ok(Reload::Replaced)
    }

    fn log(&self, result: &Result<Reload, TokensError>) {
        let tokens = self.count();
        let path = self.path().display();
        match result {
            Ok(Reload::Replaced) => {
                tracing::info!(%path, tokens, "the token file has changed");
            }
            Ok(_) => {
                tracing::info!(%path, tokens, "the token file is valid again");
            }
            Err(error @ TokensError::Deleted { .. }) => {
                tracing::error!(%error, "the admin API is closed");
            }
            Err(error) => tracing::error!(
                %error,
                tokens,
                "the token file cannot be used; the tokens that were read before stay valid",
            ),
        }
    }
}

#[async_trait]
impl Authorize for BearerTokens {
    /// Returns the name, the role and the limits of the token that the request
    /// carries.
    ///
    /// The time that this takes depends only on the number of tokens and their
    /// lengths.
    async fn authorize(&self, request: &AccessRequest<'_>) -> Result<Principal, AuthError> {
        let Some(token) = bearer_token(request.headers) else {
            return Err(AuthError::bearer(
                "a bearer token is required; send one from the token file as 'Authorization: Bearer TOKEN'",
            ));
        };
        let current = self.0.current.load();
        let Some(entry) = current.file.find(token) else {
            return Err(AuthError::bearer(
                "the bearer token is not valid; send one from the token file",
            ));
        };
        if !entry.role.allows(request.access) {
            return Err(AuthError::Forbidden(
                "this token may only read; changing sessions requires a read-write token".into(),
            ));
        }
        let principal = Principal::new(Arc::clone(&entry.name))
            .with_role(entry.role.as_str())
            .with_scope(entry.scope.clone());
        Ok(match entry.role {
            Role::Operator => principal.overriding_leases(),
            _ => principal,
        })
    }
}

impl Current {
    const NONE: Self = Self {
        file: TokenFile::NONE,
        digest: None,
    };
}
