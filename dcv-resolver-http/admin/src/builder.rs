//! [`AdminBuilder`]: the settings of the admin API.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use dcv_resolver_authorize::Authorize;
use dcv_resolver_core::{Clock, SessionImport, SessionRegistry, SystemClock};
use dcv_resolver_http::RequestIds;

use crate::admin_state::AdminState;
use crate::authenticator::Authenticator;
use crate::listing_limit::ListingLimit;
use crate::observer::AdminObserver;
use crate::routes;

/// A builder for the router of the admin API; see [the crate](crate).
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct AdminBuilder {
    registry: Arc<dyn SessionRegistry>,
    import: Option<Arc<dyn SessionImport>>,
    authenticator: Arc<Authenticator>,
    clock: Arc<dyn Clock>,
    time_budget: Duration,
    observer: Option<Arc<dyn AdminObserver>>,
}

impl AdminBuilder {
    /// Creates a builder with the defaults: the system's clock, and a time
    /// budget of 5 s.
    ///
    /// `authorize` decides who may see and who may change the sessions of
    /// `registry`: [`BearerTokens`](crate::BearerTokens), or an implementation
    /// of your own.
    pub fn new(registry: Arc<dyn SessionRegistry>, authorize: impl Authorize) -> Self {
        Self {
            registry,
            import: None,
            authenticator: Arc::new(Authenticator::new(authorize)),
            clock: Arc::new(SystemClock),
            time_budget: Duration::from_secs(5),
            observer: None,
        }
    }

    /// Creates a builder as [`new`](Self::new) does, for a registry in which
    /// operators can remove a session whose lease token is lost: callers whose
    /// [`Principal`](dcv_resolver_authorize::Principal) may override leases, such as
    /// those with [`Role::Operator`](crate::Role::Operator).
    ///
    /// To remove the session, it is overwritten with an expired one, which only
    /// a registry with [`SessionImport`] can do.
    pub fn with_import(registry: Arc<dyn SessionImport>, authorize: impl Authorize) -> Self {
        Self {
            import: Some(Arc::clone(&registry)),
            ..Self::new(registry, authorize)
        }
    }

    /// Sets the clock that `ttl_ms` counts from and that decides whether a
    /// session is live.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets how long a response may take, from the request's arrival in the
    /// router. If the registry has not answered by then, the response is a 503.
    pub fn time_budget(mut self, time_budget: Duration) -> Self {
        self.time_budget = time_budget;
        self
    }

    /// Sets the observer of every request, such as a metric.
    pub fn observer(mut self, observer: impl AdminObserver) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Builds the router. It answers everything below `/v1` and has no
    /// fallback, so it can be merged with others, or nested below a prefix.
    ///
    /// Calling the router requires a tokio runtime with its timer enabled;
    /// building it does not.
    pub fn build(self) -> Router {
        routes::router(Arc::new(AdminState {
            registry: self.registry,
            import: self.import,
            listings: ListingLimit::new(),
            authenticator: self.authenticator,
            clock: self.clock,
            time_budget: self.time_budget,
            observer: self.observer,
            request_ids: RequestIds::new(),
            document: routes::openapi().into(),
        }))
    }
}
