//! TLS for the [`Server`](crate::Server), with certificates that are replaced
//! while it runs.
//!
//! ```no_run
//! use axum::Router;
//! use dcv_resolver_server::tls::{Tls, TlsFiles};
//! use dcv_resolver_server::{Server, listen};
//!
//! # async fn run(app: Router) -> Result<(), Box<dyn std::error::Error>> {
//! let files = TlsFiles::new("/etc/resolver/cert.pem", "/etc/resolver/key.pem")
//!     .client_ca("/etc/resolver/gateways.pem");
//! let tls = Tls::load(files)?;
//! for warning in tls.warnings() {
//!     eprintln!("{warning}");
//! }
//!
//! let listener = listen(([0, 0, 0, 0], 8081).into())?;
//! let server = Server::new(app).tls(tls.clone());
//! tokio::select! {
//!     _summary = server.serve(listener, std::future::pending()) => {}
//!     () = tls.watch(|_result| {}) => {}
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A server offers TLS 1.2 and 1.3, with the cipher suites that rustls considers
//! safe, and HTTP/1.1 over them.
//!
//! # The gateway
//!
//! These keys of the gateway's `[resolver]` section must match:
//!
//! - `url` is `https://` and one of the certificate's DNS names.
//! - `ca-file` holds the CA that issued the certificate.
//! - `cert-file` and `cert-key-file` hold what the gateway presents, where a
//!   [client CA](TlsFiles::client_ca) is set here.
//!
//! Source: *Amazon DCV Connection Gateway Administrator Guide*, "Configuration
//! File Reference".

mod certificate;
mod der;
mod error;
mod files;
mod pem;
mod pem_block;
mod settings;
mod trust;
mod unexpected;
mod warnings;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arc_swap::ArcSwap;
use dcv_resolver_core::{Clock, SystemClock};
use dcv_resolver_file_watch::{Content, WatchedFiles, digest};
use tokio_rustls::TlsAcceptor;

use self::settings::{Dates, Settings};
use self::trust::Trust;

pub use self::certificate::{Certificate, KeyAlgorithm};
pub use self::error::TlsError;
pub use self::files::TlsFiles;
pub use self::pem_block::PemBlock;
pub use dcv_resolver_file_watch::Reload;

/// The certificate and key with which a [`Server`](crate::Server) serves TLS;
/// see [the module](self).
///
/// Clones share them: when one clone reloads, all servers use the result. A
/// connection uses the certificate and key that are current when the server
/// accepts it. A reload therefore drops no connection, and open connections
/// keep the old ones until they are closed.
///
/// When a CA is no longer a [client CA](TlsFiles::client_ca), new connections
/// of its clients are refused at once. Every connection that was open gets one
/// more response, which has `connection: close`; the log says how many there
/// are. With mutual TLS no session is resumed, so every connection presents its
/// certificate, and the clock decides whether it has expired.
#[derive(Clone)]
pub struct Tls(Arc<LiveTls>);

struct LiveTls {
    files: TlsFiles,
    clock: Arc<dyn Clock>,
    current: ArcSwap<Current>,
}

/// What new connections use.
struct Current {
    settings: Settings,
    /// Shared with the connections that are open, and with the next settings if
    /// they trust the same clients.
    trust: Trust,
}

impl Tls {
    /// Reads and checks `files`: every block in them must be what it should be,
    /// and the key must match the certificate.
    ///
    /// A certificate that has expired or is not valid yet is accepted, and
    /// [`warnings`](Self::warnings) includes it. A server that refused to start
    /// would not use the next certificate either, and would stop everything
    /// else that starts with it.
    ///
    /// This function blocks while it reads the files.
    ///
    /// # Errors
    ///
    /// Returns the first problem of the files.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        Self::load_with_clock(files, SystemClock)
    }

    /// Reads and checks `files` as [`load`](Self::load) does. `clock` decides
    /// which certificates are valid.
    ///
    /// # Errors
    ///
    /// Returns the first problem of the files.
    pub fn load_with_clock(files: TlsFiles, clock: impl Clock) -> Result<Self, TlsError> {
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let contents = watched(&files).read();
        let settings = Settings::new(&files, contents, &clock, Dates::MayBeInvalid)?;
        let trust = Trust::default();
        Ok(Self(Arc::new(LiveTls {
            files,
            clock,
            current: ArcSwap::from_pointee(Current { settings, trust }),
        })))
    }

    /// Reads and checks the files again, as [`load`](Self::load) does, and uses
    /// them for new connections if they are valid. A certificate that is not
    /// valid at the time of the clock does not replace another.
    ///
    /// This function blocks while it reads the files.
    ///
    /// # Errors
    ///
    /// Returns the first problem of the files. The previous content stays in
    /// use.
    pub fn reload(&self) -> Result<Reload, TlsError> {
        self.take(watched(&self.0.files).read())
    }

    /// Checks the files once a second, and reloads them when their content has
    /// changed, until the future is dropped.
    ///
    /// The certificate and the key are two files, which may not match between
    /// two writes. So a problem is reported only if it persists at the next
    /// check, and only once for the same content: as a `tracing` error and to
    /// `on_reload`. Files that are valid again after a reported problem, with
    /// the content that is in use, are reported as
    /// [`Unchanged`](Reload::Unchanged). A certificate that is not valid yet is
    /// used as soon as it becomes valid.
    ///
    /// This function needs tokio's timer, and reads the files on one of tokio's
    /// threads for blocking work.
    pub async fn watch(&self, mut on_reload: impl FnMut(&Result<Reload, TlsError>)) {
        let take = |contents| self.take(contents);
        let report = |result| {
            self.log(&result);
            on_reload(&result);
        };
        watched(&self.0.files).watch(take, report).await;
    }

    /// Returns the certificate that new connections get.
    #[must_use]
    pub fn certificate(&self) -> Certificate {
        self.0.current.load().settings.certificate.clone()
    }

    /// Returns the certificate that new connections get, followed by the others
    /// of its file, which should be those of its issuers.
    #[must_use]
    pub fn chain(&self) -> Arc<[Certificate]> {
        Arc::clone(&self.0.current.load().settings.chain)
    }

    /// Returns the CAs that may issue the certificates of new clients. If there
    /// are none, no client needs a certificate.
    #[must_use]
    pub fn client_cas(&self) -> Arc<[Certificate]> {
        Arc::clone(&self.0.current.load().settings.client_cas)
    }

    /// Returns what should be changed, one sentence for each problem: what
    /// [every client](Certificate::warnings) may refuse, and what only
    /// [gateways](Certificate::gateway_warnings) may refuse, unless there are
    /// [none](TlsFiles::no_gateways); and certificates of issuers and client CAs
    /// that have expired or soon will, that are missing, or that do not belong
    /// in their file.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let now = self.0.clock.now();
        let TlsFiles {
            certificate,
            client_ca,
            gateways,
            ..
        } = &self.0.files;
        let own = self.certificate();
        let mut warnings = Vec::new();
        if *gateways {
            warnings.extend(own.gateway_warnings());
        }
        warnings.extend(own.warnings(now));
        warnings.extend(warnings::of_chain(certificate, &self.chain(), now));
        if let Some(path) = client_ca {
            warnings.extend(warnings::of_client_cas(path, &self.client_cas(), now));
        }
        warnings
    }

    /// Begins a connection with the current certificate. Returns the acceptor
    /// for its handshake, and a flag that is set once a client CA is removed.
    pub(crate) fn begin(&self) -> (TlsAcceptor, Arc<AtomicBool>) {
        let current = self.0.current.load();
        let config = Arc::clone(&current.settings.config);
        (TlsAcceptor::from(config), current.trust.begin_connection())
    }

    fn take(&self, contents: Vec<Content>) -> Result<Reload, TlsError> {
        let old = self.0.current.load_full();
        if digest(&contents) == old.settings.digest {
            return Ok(Reload::Unchanged);
        }
        let settings = Settings::new(&self.0.files, contents, &self.0.clock, Dates::MustBeValid)?;
        let trusts = |ca: &Certificate| settings.client_cas.iter().any(|it| it.is_same_ca(ca));
        let keeps_trust = old.settings.client_cas.iter().all(trusts);
        let trust = if keeps_trust {
            old.trust.clone()
        } else {
            Trust::default()
        };
        self.0.current.store(Arc::new(Current { settings, trust }));
        if !keeps_trust {
            let connections = old.trust.end();
            tracing::info!(
                connections,
                "a client CA was removed; connections that were already open are closed after their next response",
            );
        }
        Ok(Reload::Replaced)
    }

    fn log(&self, result: &Result<Reload, TlsError>) {
        let certificate = self.certificate();
        let expires_at = certificate.expires_at();
        match result {
            Ok(Reload::Replaced) => {
                tracing::info!(
                    dns_names = certificate.dns_names().join(", "),
                    %expires_at,
                    client_cas = self.client_cas().len(),
                    "the TLS files have changed; new connections use them",
                );
                for warning in self.warnings() {
                    tracing::warn!("{warning}");
                }
            }
            Ok(_) => {
                tracing::info!(%expires_at, "the TLS files are valid again");
            }
            Err(error) => tracing::error!(
                %error,
                %expires_at,
                "the TLS files are invalid; the previous ones stay in use",
            ),
        }
    }
}

fn watched(files: &TlsFiles) -> WatchedFiles {
    WatchedFiles::new(files.paths().map(Path::to_owned))
}

/// Shows the files and the certificates, but nothing of the key.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("files", &self.0.files)
            .field("certificate", &self.certificate())
            .field("client_cas", &self.client_cas())
            .finish_non_exhaustive()
    }
}
