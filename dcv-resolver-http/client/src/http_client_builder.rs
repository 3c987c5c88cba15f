//! [`HttpClientBuilder`]: the settings of an [`HttpClient`].

use std::sync::Arc;
use std::time::Duration;

use crate::base_url::BaseUrl;
use crate::connect::Connector;
use crate::http_client::HttpClient;
use crate::live_tls::LiveTls;
use crate::tls_file_error::TlsFileError;
use crate::tls_options::TlsOptions;

/// The settings of an [`HttpClient`].
#[derive(Debug, Clone)]
#[must_use]
pub struct HttpClientBuilder {
    url: BaseUrl,
    tls: TlsOptions,
    connect_timeout: Duration,
    response_timeout: Duration,
    max_response_bytes: usize,
}

impl HttpClient {
    /// Returns a builder for a client of the server at `url`. The path of `url`
    /// is prepended to all request paths.
    pub fn builder(url: BaseUrl) -> HttpClientBuilder {
        HttpClientBuilder {
            url,
            tls: TlsOptions::default(),
            connect_timeout: HttpClientBuilder::DEFAULT_CONNECT_TIMEOUT,
            response_timeout: HttpClientBuilder::DEFAULT_RESPONSE_TIMEOUT,
            max_response_bytes: HttpClientBuilder::DEFAULT_MAX_RESPONSE_BYTES,
        }
    }
}

impl HttpClientBuilder {
    /// The default of [`connect_timeout`](Self::connect_timeout): 10 s, that of
    /// the gateway's `http-establish-timeout`.
    pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
    /// The default of [`response_timeout`](Self::response_timeout): 10 s.
    pub const DEFAULT_RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
    /// The default of [`max_response_bytes`](Self::max_response_bytes): 64 KiB.
    pub const DEFAULT_MAX_RESPONSE_BYTES: usize = 64 * 1024;

    /// Sets the certificates that are trusted and presented. With `http`, they
    /// are neither read nor used.
    pub fn tls(mut self, tls: TlsOptions) -> Self {
        self.tls = tls;
        self
    }

    /// Sets how long it may take to establish a connection: name resolution, TCP
    /// and TLS together.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long a response may take, from the moment when there is a
    /// connection, new or reused, to the last byte.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// Sets the maximum length of a response's body, in bytes. The maximum
    /// length of its head is 64 KiB: a longer one fails with
    /// [`Protocol`](crate::RequestErrorKind::Protocol).
    pub fn max_response_bytes(mut self, max_bytes: usize) -> Self {
        self.max_response_bytes = max_bytes;
        self
    }

    /// Builds the client, without connecting. This function blocks while it
    /// reads the files of the certificates.
    ///
    /// # Errors
    ///
    /// [`TlsFileError`], when a certificate or a key cannot be used.
    pub fn build(self) -> Result<HttpClient, TlsFileError> {
        let url = Arc::new(self.url);
        let tls = url.is_https.then(|| LiveTls::load(self.tls)).transpose()?;
        let connector = Connector::new(Arc::clone(&url), tls, self.connect_timeout);
        Ok(HttpClient::new(
            url,
            connector,
            self.response_timeout,
            self.max_response_bytes,
        ))
    }
}
