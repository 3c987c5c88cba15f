//! [`OpsBuilder`]: the router of the operators' listener.

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use dcv_resolver_core::Explainer;
use dcv_resolver_http::Authorize;

use crate::explain::{ExplainState, explain};
use crate::loopback_only::LoopbackOnly;
use crate::metrics::Metrics;
use crate::pages;
use crate::readiness::Readiness;

/// Builds the [`Router`] of the operators' listener; see [the crate](crate).
///
/// After a reload, build another with the same [`Readiness`] and [`Metrics`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct OpsBuilder {
    explainer: Explainer,
    readiness: Readiness,
    metrics: Option<Metrics>,
    authorize: Arc<dyn Authorize>,
    merged: Router,
}

impl OpsBuilder {
    /// Creates a builder with the defaults: no metrics, and [`LoopbackOnly`].
    pub fn new(explainer: Explainer, readiness: Readiness) -> Self {
        Self {
            explainer,
            readiness,
            metrics: None,
            authorize: Arc::new(LoopbackOnly),
            merged: Router::new(),
        }
    }

    /// Serves `metrics` at `/metrics`. A host that has a registry of its own
    /// [registers](Metrics::register) them there instead.
    pub fn metrics(mut self, metrics: impl Into<Option<Metrics>>) -> Self {
        self.metrics = metrics.into();
        self
    }

    /// Sets who may request an explanation.
    pub fn authorize(mut self, authorize: impl Authorize) -> Self {
        self.authorize = Arc::new(authorize);
        self
    }

    /// Serves the routes of `router` as well, such as those of the admin API.
    /// They do their own authorization. The fallback of `router` is dropped.
    ///
    /// # Panics
    /// Panics like [`Router::merge`] if both have the same path.
    pub fn merge(mut self, router: Router) -> Self {
        self.merged = self.merged.merge(router.reset_fallback());
        self
    }

    /// Builds the router.
    ///
    /// Makes the metrics, if there are any, show the readiness, and the decisions
    /// of the explainer's stores from zero.
    ///
    /// # Panics
    ///
    /// If a [merged](Self::merge) router has one of its paths.
    pub fn build(self) -> Router {
        let Self {
            explainer,
            readiness,
            metrics,
            authorize,
            merged,
        } = self;
        let mut router = Router::new();
        if let Some(metrics) = metrics {
            metrics.watch_readiness(&readiness);
            metrics.init_decisions(explainer.resolver());
            router = router.route("/metrics", get(pages::metrics).with_state(metrics));
        }
        let explain_state = Arc::new(ExplainState::new(explainer, authorize));
        router
            .route("/livez", get(async || "ok"))
            .route("/readyz", get(pages::readyz).with_state(readiness))
            .route("/explain", get(explain).with_state(explain_state))
            .method_not_allowed_fallback(pages::method_not_allowed)
            .fallback(pages::no_such_path)
            .merge(merged)
            .layer(map_response(not_stored))
    }
}

async fn not_stored(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
