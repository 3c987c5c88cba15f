//! [`Telemetry`]: where traces go.

use schemars::JsonSchema;
use serde::Deserialize;

use super::text::Endpoint;

/// Traces for an OpenTelemetry collector, in builds with the feature otel.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Telemetry {
    /// The URL of the collector for OTLP over HTTP, such as
    /// "http://127.0.0.1:4318". Without it, nothing is exported. A change needs
    /// a restart.
    #[schemars(with = "Endpoint")]
    pub(crate) otlp_endpoint: Option<Endpoint>,
}
