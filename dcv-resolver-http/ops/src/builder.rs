//! [`OpsBuilder`]: the router of the operators' listener.

use std::sync::Arc;

use axum::Router;
use axum::middleware::map_response;
use axum::routing::get;
use dcv_resolver_authorize::Authorize;
use dcv_resolver_core::Explainer;

use crate::decisions::decisions_router;
use crate::explain::guarded_explain_router;
use crate::guard::Guard;
use crate::loopback_only::LoopbackOnly;
use crate::metrics::Metrics;
use crate::operators_page::page_router;
use crate::pages;
use crate::readiness::Readiness;
use crate::recent_decisions::RecentDecisions;
use crate::sessions::sessions_router;

/// A builder for the [`Router`] of the operators' listener; see [the
/// crate](crate).
///
/// After a reload, build another with the same [`Readiness`] and [`Metrics`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct OpsBuilder {
    explainer: Explainer,
    readiness: Readiness,
    metrics: Option<Metrics>,
    authorize: Arc<dyn Authorize>,
    recent: Option<RecentDecisions>,
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
            recent: None,
            merged: Router::new(),
        }
    }

    /// Serves `metrics` at `/metrics`. A program with a registry of its own
    /// [registers](Metrics::register) them there instead.
    pub fn metrics(mut self, metrics: impl Into<Option<Metrics>>) -> Self {
        self.metrics = metrics.into();
        self
    }

    /// Serves [the page of the operators](crate#the-page) at `/`, which shows
    /// `recent`, and the sessions of the explainer's
    /// [listings](Explainer::with_listing).
    ///
    /// `recent` must also be an [observer](dcv_resolver_http::DecisionObserver)
    /// of the service for gateways.
    pub fn page(mut self, recent: RecentDecisions) -> Self {
        self.recent = Some(recent);
        self
    }

    /// Sets who may request explanations, and the decisions and sessions that
    /// the page shows.
    pub fn authorize(mut self, authorize: impl Authorize) -> Self {
        self.authorize = Arc::new(authorize);
        self
    }

    /// Serves the routes of `router` as well, such as those of the admin API.
    /// They do their own authorization. The fallback of `router` is dropped.
    ///
    /// # Panics
    ///
    /// Panics like [`Router::merge`] if both have the same path.
    pub fn merge(mut self, router: Router) -> Self {
        self.merged = self.merged.merge(router.reset_fallback());
        self
    }

    /// Builds the router.
    ///
    /// If there are metrics, this function calls [`Metrics::watch_readiness`],
    /// and [`Metrics::init_decisions`] for the resolver of the explainer.
    ///
    /// # Panics
    ///
    /// Panics if a [merged](Self::merge) router has a path that this router
    /// also has.
    pub fn build(self) -> Router {
        let Self {
            explainer,
            readiness,
            metrics,
            authorize,
            recent,
            merged,
        } = self;
        let guard = Arc::new(Guard::new(authorize));
        let mut paths = vec!["/livez", "/readyz", "/explain"];
        let mut router = Router::new();
        if let Some(metrics) = metrics {
            metrics.watch_readiness(&readiness);
            metrics.init_decisions(explainer.resolver());
            let page = pages::MetricsPage::new(metrics);
            paths.push("/metrics");
            router = router.route("/metrics", get(pages::metrics).with_state(page));
        }
        if let Some(recent) = recent {
            paths.extend(["/", "/decisions", "/sessions"]);
            router = router
                .merge(page_router())
                .merge(decisions_router(recent, Arc::clone(&guard)))
                .merge(sessions_router(explainer.clone(), Arc::clone(&guard)));
        }
        let no_such_path = pages::no_such_path(&paths);
        router
            .route("/livez", get(async || "ok"))
            .route("/readyz", get(pages::readyz).with_state(readiness))
            .merge(guarded_explain_router(explainer, guard))
            .method_not_allowed_fallback(pages::method_not_allowed)
            .fallback(async || no_such_path)
            .merge(merged)
            .layer(map_response(pages::not_stored))
    }
}
