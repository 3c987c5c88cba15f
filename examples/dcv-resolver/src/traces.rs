//! Traces for an OpenTelemetry collector, in builds with the feature `otel`.
//! Both modules have the same items, so that no other file depends on the
//! feature.

#[cfg(not(feature = "otel"))]
mod disabled;
#[cfg(feature = "otel")]
mod otlp;

#[cfg(not(feature = "otel"))]
pub(crate) use disabled::{Traces, continue_trace};
#[cfg(feature = "otel")]
pub(crate) use otlp::{Traces, continue_trace};
