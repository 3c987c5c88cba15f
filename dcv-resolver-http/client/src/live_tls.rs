//! [`LiveTls`]: the TLS settings of the next connection.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::{ClientConfig, RootCertStore};

use crate::client_certificate::ClientCertificate;
use crate::tls_config::{TlsFileContents, system_cas};
use crate::tls_file_error::TlsFileError;
use crate::tls_options::TlsOptions;

/// Reads the files again for each connection, so that a certificate can be
/// renewed, and keeps the last settings that were valid. Unchanged files keep
/// the settings, and with them the TLS sessions that can be resumed.
pub(crate) struct LiveTls {
    options: TlsOptions,
    system_cas: Arc<RootCertStore>,
    /// Whether the server has asked for a client certificate.
    is_asked: Arc<AtomicBool>,
    current: Mutex<Current>,
}

struct Current {
    contents: TlsFileContents,
    config: Arc<ClientConfig>,
    /// Why the files could not be used, so that it is logged once.
    problem: Option<String>,
}

impl LiveTls {
    /// Reads and checks the files. It blocks.
    pub(crate) fn load(options: TlsOptions) -> Result<Self, TlsFileError> {
        let system_cas = Arc::new(system_cas(&options)?);
        let contents = TlsFileContents::read(&options)?;
        let is_asked = Arc::default();
        let config = contents.config(&options, &system_cas, &is_asked)?;
        let config = Arc::new(config);
        Ok(Self {
            options,
            system_cas,
            is_asked,
            current: Mutex::new(Current {
                contents,
                config,
                problem: None,
            }),
        })
    }

    /// Returns what the server got when it asked for a client certificate.
    pub(crate) fn client_certificate(&self) -> ClientCertificate {
        match (
            self.is_asked.load(Ordering::Relaxed),
            self.options.client.is_some(),
        ) {
            (false, _) => ClientCertificate::NotAsked,
            (true, false) => ClientCertificate::Missing,
            (true, true) => ClientCertificate::Presented,
        }
    }

    /// Returns the settings for a connection that begins now.
    pub(crate) async fn config(self: &Arc<Self>) -> Arc<ClientConfig> {
        if self.options.ca_file.is_some() || self.options.client.is_some() {
            let this = Arc::clone(self);
            // An error means that the runtime shuts down.
            let _ = tokio::task::spawn_blocking(move || this.reload()).await;
        }
        Arc::clone(&self.lock().config)
    }

    fn reload(&self) {
        let read = TlsFileContents::read(&self.options);
        let mut current = self.lock();
        let replaced = read.and_then(|contents| {
            if contents != current.contents {
                let config = contents.config(&self.options, &self.system_cas, &self.is_asked)?;
                (current.contents, current.config) = (contents, Arc::new(config));
            }
            Ok(())
        });
        let problem = replaced.err().map(|error| error.to_string());
        if let Some(problem) = &problem
            && current.problem.as_ref() != Some(problem)
        {
            tracing::warn!("{problem}; connections use the previous files");
        }
        current.problem = problem;
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
