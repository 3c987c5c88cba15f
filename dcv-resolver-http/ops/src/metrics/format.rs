//! [`MetricsFormat`]: the text formats that Prometheus reads.

use std::fmt;

use axum::http::HeaderMap;
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;

use crate::accept::preference;

/// A format of metrics as text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MetricsFormat {
    /// [OpenMetrics 1.0](https://prometheus.io/docs/specs/om/open_metrics_spec/).
    OpenMetrics,
    /// The [text format of Prometheus](https://prometheus.io/docs/instrumenting/exposition_formats/),
    /// version 0.0.4, which every tool reads.
    #[default]
    Text,
}

impl MetricsFormat {
    /// Returns the format that the `Accept` of a request prefers: OpenMetrics
    /// only if it asks for it.
    ///
    /// ```
    /// use axum::http::{HeaderMap, header::ACCEPT};
    /// use dcv_resolver_ops::MetricsFormat;
    ///
    /// let mut headers = HeaderMap::new();
    /// assert_eq!(MetricsFormat::negotiate(&headers), MetricsFormat::Text);
    /// let prometheus = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
    /// headers.insert(ACCEPT, prometheus.parse()?);
    /// assert_eq!(MetricsFormat::negotiate(&headers), MetricsFormat::OpenMetrics);
    /// # Ok::<(), axum::http::header::InvalidHeaderValue>(())
    /// ```
    #[must_use]
    pub fn negotiate(headers: &HeaderMap) -> Self {
        let open_metrics = preference(headers, "application/openmetrics-text", Some("1.0.0"));
        let text = preference(headers, "text/plain", None);
        if open_metrics.is_named() && open_metrics >= text {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }

    /// Returns the `content-type` of the format.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => prometheus_text::CONTENT_TYPE,
        }
    }

    /// Returns the metrics of `registry` in this format.
    ///
    /// # Errors
    ///
    /// [`fmt::Error`] if a collector of the registry fails.
    pub fn encode(self, registry: &Registry) -> Result<String, fmt::Error> {
        let mut encoded = String::new();
        match self {
            Self::OpenMetrics => text::encode(&mut encoded, registry)?,
            Self::Text => prometheus_text::encode(&mut encoded, registry)?,
        }
        Ok(encoded)
    }
}
