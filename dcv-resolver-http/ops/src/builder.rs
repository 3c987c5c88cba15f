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
    metrics: Metrics,
    authorize: Arc<dyn Authorize>,
    merged: Router,
}

impl OpsBuilder {
    /// Creates a builder with the defaults: new metrics, and [`LoopbackOnly`].
    pub fn new(explainer: Explainer, readiness: Readiness) -> Self {
        Self {
            explainer,
            readiness,
            metrics: Metrics::new(),
            authorize: Arc::new(LoopbackOnly),
            merged: Router::new(),
        }
    }

    /// Sets the metrics to show.
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
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
    /// Adds the readiness to the metrics, and creates the series of the
    /// explainer's stores at zero.
    ///
    /// # Panics
    /// Panics if a [merged](Self::merge) router has one of the paths of this
    /// one.
    pub fn build<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let Self {
            explainer,
            readiness,
            metrics,
            authorize,
            merged,
        } = self;
        metrics.watch_readiness(&readiness);
        metrics.init_decisions(explainer.resolver());
        let explain_state = Arc::new(ExplainState::new(explainer, authorize));
        Router::new()
            .route("/livez", get(async || "ok"))
            .route("/readyz", get(pages::readyz).with_state(readiness))
            .route("/metrics", get(pages::metrics).with_state(metrics))
            .route("/explain", get(explain).with_state(explain_state))
            .method_not_allowed_fallback(pages::method_not_allowed)
            .fallback(pages::no_such_path)
            .merge(merged.with_state(()))
            .layer(map_response(not_stored))
    }
}

async fn not_stored(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
