//! [`WatchedTls`]: certificates, read again when their files change.

use dcv_resolver_ops::Metrics;
use dcv_resolver_server::tls::{Reload, Tls};

use crate::background_task::BackgroundTask;
use crate::certificates::{self, Summary};
use crate::config::{self, Config};
use crate::failure::Failure;
use crate::file_modes;

/// Which listener certificates are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listener {
    Gateways,
    Operators,
}

/// The certificates, read again when their files change, until this is dropped.
#[derive(Debug)]
pub(super) struct WatchedTls {
    pub(super) tls: Tls,
    _watch: BackgroundTask,
}

impl WatchedTls {
    /// Loads the certificates of a listener. Returns `None` if it has no TLS.
    pub(super) fn load(
        listener: Listener,
        config: &Config,
        metrics: &Metrics,
    ) -> Result<Option<Self>, Failure> {
        let Some(files) = listener.files(config) else {
            return Ok(None);
        };
        let tls = match listener {
            Listener::Gateways => certificates::load(files),
            Listener::Operators => certificates::load_for_operators(files),
        }?;
        log_certificate(listener, &tls);
        show_expiry(listener, &tls, metrics);
        let watch = {
            let (tls, files, metrics) = (tls.clone(), files.clone(), metrics.clone());
            async move {
                let on_reload = |reload: &Result<_, _>| {
                    show_expiry(listener, &tls, &metrics);
                    metrics.count_reload(listener.reload(), reload.is_ok());
                    if let Ok(Reload::Replaced) = reload {
                        for warning in file_modes::of_tls(&files) {
                            tracing::warn!("{warning}");
                        }
                    }
                };
                tls.watch(on_reload).await;
            }
        };
        Ok(Some(Self {
            tls,
            _watch: BackgroundTask::spawn(watch),
        }))
    }
}

impl Listener {
    fn files(self, config: &Config) -> Option<&config::Tls> {
        match self {
            Self::Gateways => config.tls.as_ref(),
            Self::Operators => config.ops.tls.as_ref(),
        }
    }

    /// Returns the name of its reloads in the metrics.
    fn reload(self) -> &'static str {
        match self {
            Self::Gateways => "tls",
            Self::Operators => "ops_tls",
        }
    }

    /// Returns the names of its certificate and its client CAs in the metrics.
    fn certificates(self) -> [&'static str; 2] {
        match self {
            Self::Gateways => ["server", "client_ca"],
            Self::Operators => ["ops_server", "ops_client_ca"],
        }
    }
}

fn log_certificate(listener: Listener, tls: &Tls) {
    let expires_at = tls.certificate().expires_at();
    tracing::info!(
        listener = match listener {
            Listener::Gateways => "gateways",
            Listener::Operators => "operators",
        },
        certificate = %Summary(tls),
        %expires_at,
        client_cas = tls.client_cas().len(),
        "TLS",
    );
    if !certificates::is_valid_now(tls) {
        tracing::error!(
            certificate = %Summary(tls),
            "the certificate is not valid now, so clients refuse to connect; a valid certificate is used as soon as the file contains one",
        );
    }
    for warning in tls.warnings() {
        tracing::warn!("{warning}");
    }
}

/// Shows the first expiry of the chain, since clients need all of it, and that
/// of the client CAs.
fn show_expiry(listener: Listener, tls: &Tls, metrics: &Metrics) {
    let [server, client_ca] = listener.certificates();
    let expiries = [
        (server, certificates::chain_expires_at(tls)),
        (client_ca, certificates::client_ca_expires_at(tls)),
    ];
    for (certificate, at) in expiries {
        if let Some(at) = at {
            metrics.set_certificate_expiry(certificate, at);
        }
    }
}
