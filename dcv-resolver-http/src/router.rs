//! [`router`] and [`RouterBuilder`]: an axum router over a resolver.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use dcv_resolver_core::Resolver;

use crate::exchange::{Shared, answer};
use crate::request_id::RequestIds;

/// The longest URI, path and query together, that is read. Three ids of the
/// greatest length, every byte percent-encoded, fit in four times over.
pub const MAX_URI_BYTES: usize = 8 * 1024;

/// A router that answers resolve requests, with the defaults of
/// [`RouterBuilder`].
pub fn router(resolver: Resolver) -> Router {
    RouterBuilder::new(resolver).build()
}

/// Makes a router that answers resolve requests.
///
/// The router needs a tokio runtime with its timer enabled, when it is asked
/// and not before.
#[derive(Debug, Clone)]
pub struct RouterBuilder {
    resolver: Resolver,
    time_budget: Duration,
    any_prefix: bool,
}

impl RouterBuilder {
    /// A builder with the defaults: a time budget of one second, any prefix.
    #[must_use]
    pub fn new(resolver: Resolver) -> Self {
        Self {
            resolver,
            time_budget: Duration::from_secs(1),
            any_prefix: true,
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

    /// Whether `/resolveSession` is answered below any prefix, as behind a
    /// gateway whose `[resolver] url` has a path.
    #[must_use]
    pub fn any_prefix(mut self, any_prefix: bool) -> Self {
        self.any_prefix = any_prefix;
        self
    }

    /// Makes the router.
    pub fn build(self) -> Router {
        let shared = Shared {
            resolver: self.resolver,
            time_budget: self.time_budget,
            request_ids: RequestIds::new(),
        };
        // A gateway appends `/resolveSession` to its url, which may end in a
        // slash.
        let mut router = Router::new()
            .route("/resolveSession", any(answer))
            .route("/resolveSession/", any(answer))
            .route("//resolveSession", any(answer));
        if self.any_prefix {
            router = router.fallback(answer);
        }
        router.with_state(Arc::new(shared))
    }
}
