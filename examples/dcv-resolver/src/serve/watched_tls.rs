//! [`WatchedTls`]: certificates, read again when their files change.

use dcv_resolver_ops::Metrics;
use dcv_resolver_server::tls::Tls;

use crate::background_task::BackgroundTask;
use crate::certificates::{self, Summary};
use crate::config::Config;
use crate::failure::Failure;

/// The certificates, read again when their files change, until this is dropped.
#[derive(Debug)]
pub(super) struct WatchedTls {
    pub(super) tls: Tls,
    _watch: BackgroundTask,
}

impl WatchedTls {
    /// Loads the certificates. Returns `None` if the configuration has no TLS.
    pub(super) fn load(config: &Config, metrics: &Metrics) -> Result<Option<Self>, Failure> {
        let Some(files) = &config.tls else {
            return Ok(None);
        };
        let tls = certificates::load(files)?;
        log_certificate(&tls);
        show_expiry(&tls, metrics);
        let watch = {
            let (tls, metrics) = (tls.clone(), metrics.clone());
            async move {
                let on_reload = |reload: &Result<_, _>| {
                    show_expiry(&tls, &metrics);
                    metrics.count_reload("tls", reload.is_ok());
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

fn log_certificate(tls: &Tls) {
    let certificate = tls.certificate();
    tracing::info!(
        certificate = %Summary(tls),
        expires_at = %certificate.expires_at(),
        client_cas = tls.client_cas().len(),
        "TLS",
    );
    for warning in certificates::warnings(tls) {
        tracing::warn!("{warning}");
    }
}

fn show_expiry(tls: &Tls, metrics: &Metrics) {
    metrics.set_certificate_expiry("server", tls.certificate().expires_at());
    if let Some(at) = certificates::client_ca_expires_at(tls) {
        metrics.set_certificate_expiry("client_ca", at);
    }
}
