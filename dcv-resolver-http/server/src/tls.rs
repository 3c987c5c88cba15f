//! TLS for the [`Server`](super::Server), with certificates that are replaced
//! while it runs.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use dcv_resolver_core::{Clock, SystemClock};
//! use axum::Router;
//! use dcv_resolver_server::tls::{Tls, TlsFiles};
//! use dcv_resolver_server::{self as server, Server};
//!
//! # async fn run(app: Router) -> Result<(), Box<dyn std::error::Error>> {
//! let files = TlsFiles::new("/etc/resolver/cert.pem", "/etc/resolver/key.pem")
//!     .client_ca("/etc/resolver/gateways.pem");
//! let tls = Tls::load(files, Arc::new(SystemClock))?;
//! for warning in tls.certificate().gateway_warnings(SystemClock.now()) {
//!     eprintln!("{warning}");
//! }
//!
//! let listener = server::listen(([0, 0, 0, 0], 8081).into())?;
//! let server = Server::new(app).tls(tls.clone());
//! tokio::select! {
//!     _ended = server.serve(listener, std::future::pending()) => {}
//!     () = tls.watch(|_result| {}) => {}
//! }
//! # Ok(())
//! # }
//! ```
//!
//! TLS 1.2 and 1.3 are spoken, with the cipher suites that rustls holds safe,
//! and HTTP/1.1 in them.
//!
//! # The gateway
//!
//! Its `[resolver]` section names what belongs to this: `url` is `https://`
//! and one of the certificate's domain names, `ca-file` issued the
//! certificate, and `cert-file` and `cert-key-file` are what it shows where a
//! client CA is set here. Source: *Amazon DCV Connection Gateway Administrator
//! Guide*, "Configuration File Reference".

mod certificate;
mod error;
mod pem;
mod settings;
mod watched_files;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use dcv_resolver_core::Clock;
use rustls::ServerConfig;

pub use certificate::{Certificate, KeyAlgorithm};
pub use error::TlsError;

use self::watched_files::{Content, WatchedFiles, digest};
use settings::Settings;

/// The files that TLS is served with, all in PEM form.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct TlsFiles {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

impl TlsFiles {
    /// Serves `certificate` with its `key`.
    ///
    /// The file of the certificate begins with the server's own and goes on
    /// with those that issued it, up to the one that clients know. The key is
    /// PKCS#8, PKCS#1 or SEC1 (`BEGIN PRIVATE KEY`, `BEGIN RSA PRIVATE KEY` or
    /// `BEGIN EC PRIVATE KEY`), and not encrypted. Both may be in one file.
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            certificate: certificate.into(),
            key: key.into(),
            client_ca: None,
        }
    }

    /// Demands a certificate of every client, issued by one of the CAs in
    /// `client_ca`: mutual TLS.
    ///
    /// Of these only the key and the name count; that a CA's own certificate
    /// has expired does not matter. A certificate that issued itself stands
    /// for one client alone.
    pub fn client_ca(mut self, client_ca: impl Into<PathBuf>) -> Self {
        self.client_ca = Some(client_ca.into());
        self
    }

    fn paths(&self) -> impl Iterator<Item = &Path> {
        [&self.certificate, &self.key]
            .into_iter()
            .chain(&self.client_ca)
            .map(PathBuf::as_path)
    }

    fn watched(&self) -> WatchedFiles {
        WatchedFiles::new(self.paths().map(Path::to_owned))
    }
}

/// What a [`Server`](super::Server) needs to speak TLS; see [the
/// module](self).
///
/// Clones are the same thing: what one reloads, all serve. A server takes what
/// is there when a connection is accepted. So a reload drops no connection, and
/// those that are open go on with what they began with, until they are closed:
/// also those of clients whose CA is no longer among the
/// [client CAs](TlsFiles::client_ca).
///
/// New connections of such clients are refused at once. Under mutual TLS no
/// session is resumed, so that every connection shows its certificate, and the
/// injected clock says whether it has expired.
#[derive(Clone)]
pub struct Tls(Arc<Shared>);

struct Shared {
    files: TlsFiles,
    clock: Arc<dyn Clock>,
    settings: ArcSwap<Settings>,
}

/// What a reload came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsReload {
    /// The files hold what is served already.
    Unchanged,
    /// New connections are served with what the files hold now.
    Replaced,
}

impl Tls {
    /// Reads and checks `files`: that they parse, that the key belongs to the
    /// certificate, and that `clock` shows a time at which it is valid.
    ///
    /// The files are read at once, which blocks for as long as that takes.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with them.
    pub fn load(files: TlsFiles, clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        let settings = Settings::new(&files, files.watched().read(), &clock)?;
        Ok(Self(Arc::new(Shared {
            files,
            clock,
            settings: ArcSwap::from_pointee(settings),
        })))
    }

    /// Reads the files again, and serves new connections with them if they are
    /// good: checked as in [`load`](Self::load).
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with them. What was served before is
    /// served on.
    pub fn reload(&self) -> Result<TlsReload, TlsError> {
        let replaced = self.take(self.0.files.watched().read())?;
        Ok(replaced.unwrap_or(TlsReload::Unchanged))
    }

    /// Looks at the files once a second, and reloads them when their content
    /// has changed, until the future is dropped.
    ///
    /// Certificate and key are two files, and there is a moment when only one
    /// of them is replaced. What is wrong is told when it still is at the next
    /// look, and then once for the same content: as a `tracing` error, and to
    /// `on_reload`. Files that are good again without having changed anything
    /// are [`Unchanged`](TlsReload::Unchanged). A certificate that is not yet
    /// valid is taken when it is.
    ///
    /// It needs tokio's timer, and a thread of tokio's for blocking work while
    /// the files are read.
    pub async fn watch(&self, mut on_reload: impl FnMut(&Result<TlsReload, TlsError>)) {
        let take = |contents| self.take(contents);
        let tell = |news: Result<Option<TlsReload>, TlsError>| {
            let result = news.map(|replaced| replaced.unwrap_or(TlsReload::Unchanged));
            self.log(&result);
            on_reload(&result);
        };
        self.0.files.watched().watch(take, tell).await;
    }

    /// The certificate that new connections are served with.
    #[must_use]
    pub fn certificate(&self) -> Certificate {
        self.0.settings.load().certificate.clone()
    }

    /// The CAs that may have issued the certificates of new clients. None: no
    /// client is asked for one.
    #[must_use]
    pub fn client_cas(&self) -> Arc<[Certificate]> {
        Arc::clone(&self.0.settings.load().client_cas)
    }

    /// What the next handshake is done with.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.settings.load().config)
    }

    fn take(&self, contents: Vec<Content>) -> Result<Option<TlsReload>, TlsError> {
        if digest(&contents) == self.0.settings.load().digest {
            return Ok(None);
        }
        let settings = Settings::new(&self.0.files, contents, &self.0.clock)?;
        self.0.settings.store(Arc::new(settings));
        Ok(Some(TlsReload::Replaced))
    }

    fn log(&self, result: &Result<TlsReload, TlsError>) {
        let certificate = self.certificate();
        let expires_at = certificate.expires_at();
        match result {
            Ok(TlsReload::Replaced) => {
                tracing::info!(
                    dns_names = certificate.dns_names().join(", "),
                    %expires_at,
                    client_cas = self.client_cas().len(),
                    "the files for TLS have changed; new connections are served with them",
                );
                for warning in certificate.gateway_warnings(self.0.clock.now()) {
                    tracing::warn!("{warning}");
                }
            }
            Ok(TlsReload::Unchanged) => {
                tracing::info!(%expires_at, "the files for TLS are good again");
            }
            Err(error) => tracing::error!(
                %error,
                %expires_at,
                "the files for TLS cannot be used; what was read before is served on",
            ),
        }
    }
}

/// Shows the files and what is in the certificate, nothing of the key.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("files", &self.0.files)
            .field("certificate", &self.certificate())
            .field("client_cas", &self.client_cas())
            .finish_non_exhaustive()
    }
}
