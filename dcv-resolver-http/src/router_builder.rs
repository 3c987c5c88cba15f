//! [`router`] and [`ResolveServiceBuilder`]: an axum router over a resolver.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use dcv_resolver_core::{Network, Resolver};

#[cfg(feature = "json-log")]
use crate::DecisionLines;
#[cfg(feature = "metrics")]
use crate::Metrics;
#[cfg(feature = "rate-limit")]
use crate::RateLimit;
use crate::callers::AllowedCallers;
use crate::exchange::{Shared, handle};
use crate::fold::Folds;
use crate::in_flight::InFlight;
#[cfg(feature = "rate-limit")]
use crate::rate_limit::CallerLimits;
use crate::request_id::RequestIds;
use crate::resolve_service::ResolveService;

/// A router that answers resolve requests, with the defaults of
/// [`ResolveServiceBuilder`], which also tells how to make it part of a service.
pub fn router<S: Clone + Send + Sync + 'static>(resolver: Resolver) -> Router<S> {
    ResolveServiceBuilder::new(resolver).build()
}

/// Makes a router that answers resolve requests.
///
/// When the router is asked, and not before, it needs a tokio runtime with its
/// timer enabled.
///
/// # As part of a service
///
/// The router has a fallback, which finds `/resolveSession` below any prefix
/// and answers 404 to every other path. Beside routes alone it can be merged
/// as it is. A service with a fallback of its own has two ways, since axum
/// panics when two fallbacks are merged: leave this one out, so that only
/// `/resolveSession` itself is answered,
///
/// ```
/// use axum::{Router, http::StatusCode};
/// use dcv_resolver_http::ResolveServiceBuilder;
/// # use axum::{body::Body, http::Request};
/// # use dcv_resolver_core::{MemoryStore, Resolver};
/// # use tower::ServiceExt;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let resolver = Resolver::new(MemoryStore::new());
///
/// let app = Router::new()
///     .fallback(async || (StatusCode::NOT_FOUND, "no such page"))
///     .merge(ResolveServiceBuilder::new(resolver).any_prefix(false).build());
/// # let status = async |path: &'static str| {
/// #     let request = Request::post(path).body(Body::empty()).unwrap();
/// #     app.clone().oneshot(request).await.unwrap().status()
/// # };
/// # assert_eq!(status("/resolveSession").await, StatusCode::BAD_REQUEST);
/// # assert_eq!(status("/stage/resolveSession").await, StatusCode::NOT_FOUND);
/// # Ok(())
/// # }
/// ```
///
/// or nest it: then it answers below its own prefix, and the service's
/// fallback everywhere else. The gateway's `[resolver] url` ends in that
/// prefix.
///
/// ```
/// use axum::{Router, http::StatusCode};
/// use dcv_resolver_http::router;
/// # use axum::{body::Body, http::Request};
/// # use dcv_resolver_core::{MemoryStore, Resolver};
/// # use tower::ServiceExt;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let resolver = Resolver::new(MemoryStore::new());
///
/// // Answers /dcv/resolveSession, and /dcv/stage/resolveSession as well.
/// let app = Router::new()
///     .fallback(async || (StatusCode::NOT_FOUND, "no such page"))
///     .nest("/dcv", router(resolver));
/// # let status = async |path: &'static str| {
/// #     let request = Request::post(path).body(Body::empty()).unwrap();
/// #     app.clone().oneshot(request).await.unwrap().status()
/// # };
/// # assert_eq!(status("/dcv/resolveSession").await, StatusCode::BAD_REQUEST);
/// # assert_eq!(status("/dcv/stage/resolveSession").await, StatusCode::BAD_REQUEST);
/// # assert_eq!(status("/resolveSession").await, StatusCode::NOT_FOUND);
/// # Ok(())
/// # }
/// ```
///
/// A service whose `Router` still misses its state takes this one as well: it
/// needs none, whatever the type.
#[derive(Debug, Clone)]
pub struct ResolveServiceBuilder {
    resolver: Resolver,
    time_budget: Duration,
    any_prefix: bool,
    allowed_callers: AllowedCallers,
    #[cfg(feature = "rate-limit")]
    rate_limit: Option<RateLimit>,
    max_in_flight: usize,
    dedup_window: Duration,
    #[cfg(feature = "json-log")]
    decision_lines: Option<DecisionLines>,
    #[cfg(feature = "metrics")]
    metrics: Option<Metrics>,
}

impl ResolveServiceBuilder {
    /// A builder with the defaults: a time budget of 1 s, any prefix, any
    /// caller, 2,048 requests in flight, no rate limit, failures folded for
    /// 10 s, no metrics.
    #[must_use]
    pub fn new(resolver: Resolver) -> Self {
        Self {
            resolver,
            time_budget: Duration::from_secs(1),
            any_prefix: true,
            allowed_callers: AllowedCallers::default(),
            #[cfg(feature = "rate-limit")]
            rate_limit: None,
            max_in_flight: 2048,
            dedup_window: Duration::from_secs(10),
            #[cfg(feature = "json-log")]
            decision_lines: None,
            #[cfg(feature = "metrics")]
            metrics: None,
        }
    }

    /// How long an answer may take, from the request's arrival in the router.
    /// A store that has not answered by then is given up on: 503.
    ///
    /// A store that blocks its thread cannot be given up on.
    #[must_use]
    pub fn time_budget(mut self, time_budget: Duration) -> Self {
        self.time_budget = time_budget;
        self
    }

    /// Whether `/resolveSession` is answered below any prefix, for gateways
    /// whose `[resolver] url` has a path. Without it the router has no
    /// fallback, and answers `/resolveSession` with one slash more on either
    /// side at most.
    #[must_use]
    pub fn any_prefix(mut self, any_prefix: bool) -> Self {
        self.any_prefix = any_prefix;
        self
    }

    /// Answers callers from these networks alone, and 403 to all others,
    /// whatever they ask. Anybody may ask by default; with an empty list,
    /// nobody may.
    ///
    /// The caller is the other end of the connection: a gateway, or a proxy
    /// that stands between. The server has to tell its address as
    /// [`ConnectInfo<SocketAddr>`](axum::extract::ConnectInfo); the one of the
    /// feature `server` does, `axum::serve` does with
    /// `into_make_service_with_connect_info`. A caller whose address is not
    /// told is refused.
    #[must_use]
    pub fn allowed_callers(mut self, networks: impl IntoIterator<Item = Network>) -> Self {
        self.allowed_callers = AllowedCallers(Some(networks.into_iter().collect()));
        self
    }

    /// How many requests are decided at once. 2,048 by default, and 1 at the
    /// least. What comes on top is answered at once, with 503 and the reason
    /// `overloaded`: its query is not read and the store is not asked.
    ///
    /// A request counts until its answer is decided. When the store answers in
    /// 1 ms, 100 at once are 100,000 a second; when it hangs, the time budget
    /// fills any number. So choose what the store can answer within the time
    /// budget: more would be let in only to time out, and a store asked three
    /// times too much would then answer nobody. The default has room for two
    /// gateways whose clients all return in the same moment, and suits stores
    /// that answer as many lookups a second.
    #[must_use]
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests.max(1);
        self
    }

    /// How often one caller may ask, whatever it asks. What comes on top is
    /// answered with 429. No limit by default.
    ///
    /// A gateway asks once for each connection of a client, and twice where
    /// QUIC is tried: make `burst` large enough for all its clients to return
    /// in the same moment. Without that, a limit keeps users out when they need
    /// it least.
    ///
    /// The caller is the address at the other end of the connection, as with
    /// [`allowed_callers`](Self::allowed_callers); of an IPv6 address, its
    /// first 64 bits. Callers whose address the server does not tell share one
    /// limit. So do callers that are new while 16,384 others have been asking:
    /// a flood of addresses takes a bounded place, and no caller that was
    /// there before suffers from it.
    #[cfg(feature = "rate-limit")]
    #[must_use]
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate_limit = Some(limit);
        self
    }

    /// For how long a failure that repeats is counted rather than logged; see
    /// [the log](crate#the-log). 10 s by default. With
    /// [`Duration::ZERO`] each request leaves an event of its own.
    #[must_use]
    pub fn dedup_window(mut self, window: Duration) -> Self {
        self.dedup_window = window;
        self
    }

    /// Gathers the lines of decisions in `lines`, and answers each request when
    /// its line is written. By default each is written by itself.
    #[cfg(feature = "json-log")]
    #[must_use]
    pub fn decision_lines(mut self, lines: DecisionLines) -> Self {
        self.decision_lines = Some(lines);
        self
    }

    /// Counts what the router decides in `metrics`. Nothing by default.
    ///
    /// Several routers can share one; those that replace each other should.
    #[cfg(feature = "metrics")]
    #[must_use]
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// Makes the router. It counts for itself: two of one builder share no limit, and one that replaces another begins anew.
    pub fn build<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let any_prefix = self.any_prefix;
        // A gateway appends `/resolveSession` to its url, which may end in a
        // slash.
        let mut router = Router::new()
            .route("/resolveSession", any(handle))
            .route("/resolveSession/", any(handle))
            .route("//resolveSession", any(handle));
        if any_prefix {
            router = router.fallback(handle);
        }
        router.with_state(Arc::new(self.shared()))
    }

    /// Makes a service that answers as the router does, but below any prefix in
    /// any case; see there.
    #[must_use]
    pub fn service(self) -> ResolveService {
        ResolveService::new(self.shared())
    }

    fn shared(self) -> Shared {
        let in_flight = Arc::new(InFlight::new(self.max_in_flight));
        Shared {
            #[cfg(feature = "metrics")]
            metrics: self
                .metrics
                .map(|metrics| metrics.of_router(&self.resolver, &in_flight)),
            resolver: self.resolver,
            time_budget: self.time_budget,
            request_ids: RequestIds::new(),
            allowed_callers: self.allowed_callers,
            #[cfg(feature = "rate-limit")]
            caller_limits: self.rate_limit.map(CallerLimits::new),
            in_flight,
            folds: Folds::new(self.dedup_window),
            #[cfg(feature = "json-log")]
            decision_lines: self.decision_lines,
        }
    }
}
