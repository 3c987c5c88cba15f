//! [`Traces`]: spans for an OpenTelemetry collector, over OTLP.
//!
//! A slow or unreachable collector delays no request: one thread sends the spans
//! from a bounded queue, and spans are dropped when the queue is full.

use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use axum::http::Request;
use dcv_resolver_core::{ErrorChain, async_trait};
use dcv_resolver_log_throttle::LogThrottle;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{FutureExt, TracerProvider, WithContext};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tower::Service;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::failure::Failure;

/// The time limit of one batch.
const EXPORT_TIME: Duration = Duration::from_secs(3);
/// The time limit of the last batch, at the end of the process.
const FLUSH_TIME: Duration = Duration::from_secs(2);
/// A failure is logged once in this time, since it may last for days.
const FAILURE_WINDOW: Duration = Duration::from_secs(60);

/// Exports spans in the background.
#[derive(Debug)]
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Exports to the collector at `endpoint`, `http://HOST:PORT`.
    pub(crate) fn start(endpoint: &str) -> Result<Self, Failure> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::new())
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{endpoint}/v1/traces"))
            .with_timeout(EXPORT_TIME)
            .build()
            .map_err(|error| Failure::setup(format!("cannot export traces: {error}")))?;
        let resource = Resource::builder()
            .with_service_name(env!("CARGO_PKG_NAME"))
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource)
            .build();
        Ok(Self(provider))
    }

    /// Returns the layer that exports the spans of the resolver and its stores,
    /// independent of the level of the log.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer(env!("CARGO_PKG_NAME")))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(
                Targets::new()
                    .with_target("dcv_resolver", LevelFilter::INFO)
                    // The span of a request.
                    .with_target("dcv_resolver::resolve", LevelFilter::DEBUG),
            )
    }

    /// Sends the remaining spans.
    pub(crate) async fn finish(self) {
        let flush = move || self.0.shutdown_with_timeout(FLUSH_TIME);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(flush).await {
            tracing::warn!(%error, "the last traces may be lost");
        }
    }
}

/// Makes the span of each request a child of its caller's.
pub(crate) fn continue_trace<S>(service: S) -> ContinueTrace<S> {
    ContinueTrace(service)
}

/// See [`continue_trace`].
#[derive(Debug, Clone)]
pub(crate) struct ContinueTrace<S>(S);

impl<S, B> Service<Request<B>> for ContinueTrace<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = WithContext<S::Future>;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let headers = HeaderExtractor(request.headers());
        let caller = TraceContextPropagator::new().extract_with_context(&Context::new(), &headers);
        self.0.call(request).with_context(caller)
    }
}

/// The client of the collector. Batches come from a thread outside of the
/// runtime, which the client needs.
#[derive(Debug)]
struct Collector {
    client: HyperClient,
    runtime: Handle,
    failures: LogThrottle<()>,
}

impl Collector {
    fn new() -> Self {
        Self {
            client: HyperClient::with_default_connector(EXPORT_TIME, None),
            runtime: Handle::current(),
            failures: LogThrottle::new(FAILURE_WINDOW, |(), suppressed| {
                let suppressed = suppressed.count;
                tracing::warn!(suppressed, "could not export more traces");
            }),
        }
    }

    fn log_failure(&self, error: &str) {
        if self.failures.allows(()) {
            tracing::warn!(error, "cannot export traces; they are dropped");
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(
        &self,
        request: Request<Bytes>,
    ) -> Result<opentelemetry_http::Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sending = async move { client.send_bytes(request).await };
        let sent = match self.runtime.spawn(sending).await {
            Ok(sent) => sent,
            Err(error) => Err(error.into()),
        };
        match &sent {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => self.log_failure(&format!("the collector answered {}", answer.status())),
            Err(error) => self.log_failure(&ErrorChain::new(&**error).to_string()),
        }
        sent
    }
}
