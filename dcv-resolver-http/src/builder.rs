//! [`ResolveServiceBuilder`]: the settings of a `ResolveService`.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{Network, Resolver};

use crate::callers::AllowedCallers;
use crate::decision::DecisionObserver;
use crate::decision_log::DecisionLog;
use crate::in_flight::InFlightLimit;
use crate::limits::Limits;
use crate::observers::Observers;
use crate::rate_limit::{CallerLimits, RateLimit};
use crate::request_id::RequestIds;
use crate::respond::Responder;

/// A builder for a [`ResolveService`](crate::ResolveService).
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct ResolveServiceBuilder {
    resolver: Resolver,
    time_budget: Duration,
    allowed_callers: AllowedCallers,
    rate_limit: Option<RateLimit>,
    max_in_flight: usize,
    log: bool,
    observers: Vec<Arc<dyn DecisionObserver>>,
}

impl ResolveServiceBuilder {
    /// Creates a builder with the defaults: a time budget of 1 s, any caller,
    /// no rate limit, 2,048 requests in flight, and [`DecisionLog`].
    pub fn new(resolver: Resolver) -> Self {
        Self {
            resolver,
            time_budget: Duration::from_secs(1),
            allowed_callers: AllowedCallers::default(),
            rate_limit: None,
            max_in_flight: 2048,
            log: true,
            observers: Vec::new(),
        }
    }

    /// Sets how long a response may take, measured from the arrival of the
    /// request. If a store has not answered by then, the response is a 503.
    ///
    /// A store that blocks its thread cannot be interrupted.
    pub fn time_budget(mut self, time_budget: Duration) -> Self {
        self.time_budget = time_budget;
        self
    }

    /// Allows requests from these networks only; every other caller gets a 403.
    /// An empty list allows no caller; `None`, the default, allows any.
    ///
    /// The caller is the other end of the connection: a gateway, or a proxy in
    /// between. The server must provide its address as
    /// [`ConnectInfo<SocketAddr>`](axum::extract::ConnectInfo), as
    /// `dcv-resolver-server` does, and `axum::serve` with
    /// `into_make_service_with_connect_info`. A caller without an address is
    /// refused.
    pub fn allowed_callers(mut self, networks: impl Into<Option<Vec<Network>>>) -> Self {
        self.allowed_callers = AllowedCallers(networks.into());
        self
    }

    /// Limits the number of requests in flight: 2,048 by default, and at least 1.
    /// A request beyond that gets 503 `overloaded` at once; its query is not read
    /// and no store is called.
    ///
    /// Choose a number that the store can answer within the time budget; more
    /// requests would only time out. If the store answers in 1 ms, 100 requests
    /// in flight amount to 100,000 requests per second. If the store hangs,
    /// requests wait for the whole time budget and reach any limit. The default
    /// has room for two gateways whose clients all reconnect at the same
    /// moment.
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests;
        self
    }

    /// Limits the rate of requests from one caller, valid or not. A request
    /// beyond that gets 429. There is no limit by default.
    ///
    /// A gateway sends one request for each connection of a client, and two if
    /// the client tries QUIC. Make `burst` large enough for all its clients to
    /// reconnect at the same moment; otherwise the limit locks users out at
    /// that moment.
    ///
    /// The caller is the address at the other end of the connection, as for
    /// [`allowed_callers`](Self::allowed_callers); for an IPv6 address, only
    /// the first 64 bits count. All callers without an address share one limit.
    /// So do all callers that are new while 16,384 others are tracked: a flood
    /// of addresses takes bounded memory and does not affect known callers.
    pub fn rate_limit(mut self, limit: impl Into<Option<RateLimit>>) -> Self {
        self.rate_limit = limit.into();
        self
    }

    /// Adds an observer of every decision. Observers are called in the order in
    /// which they were added, after the log.
    pub fn observer(mut self, observer: impl DecisionObserver) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// Removes the default [`DecisionLog`], for a service that adds a log of
    /// its own or wants none.
    pub fn without_log(mut self) -> Self {
        self.log = false;
        self
    }

    pub(crate) fn into_responder(self) -> Responder {
        let log = self
            .log
            .then(|| Arc::new(DecisionLog) as Arc<dyn DecisionObserver>);
        Responder {
            resolver: self.resolver,
            time_budget: self.time_budget,
            limits: Limits {
                allowed_callers: self.allowed_callers,
                caller_limits: self.rate_limit.map(CallerLimits::new),
                in_flight: Arc::new(InFlightLimit::new(self.max_in_flight)),
            },
            observers: Observers::new(log.into_iter().chain(self.observers).collect()),
            request_ids: RequestIds::new(),
        }
    }
}
