//! The admin API: sessions are registered, renewed, removed and shown over
//! HTTP.

mod action;
mod audit;
mod exchange;
mod fault;
mod gate;
mod lease_token;
mod openapi;
mod page;
mod registration;
mod request_body;
mod role;
mod schemas;
mod token_file;
mod tokens;
mod whole_number;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use dcv_resolver_core::{Clock, SessionRegistry, SystemClock};

use crate::request_id::RequestIds;
use exchange::{Shared, answer};
use gate::Gate;
pub use openapi::openapi;
pub use role::{InvalidRole, Role, TokenHolder};
pub use token_file::{InvalidTokenLine, InvalidTokens};
pub use tokens::{Tokens, TokensError};

/// Makes a router that answers the admin API.
#[derive(Debug, Clone)]
pub struct AdminBuilder {
    registry: Arc<dyn SessionRegistry>,
    tokens: Tokens,
    clock: Arc<dyn Clock>,
    time_budget: Duration,
}

impl AdminBuilder {
    /// A builder over the registry that is changed and shown, for whoever has
    /// one of the tokens. The clock is the system's, and the time budget 5 s.
    #[must_use]
    pub fn new(registry: Arc<dyn SessionRegistry>, tokens: Tokens) -> Self {
        Self {
            registry,
            tokens,
            clock: Arc::new(SystemClock),
            time_budget: Duration::from_secs(5),
        }
    }

    /// Where the time comes from: what `ttl_ms` counts from, and what says
    /// whether a session is live.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How long an answer may take, from the request's arrival in the router.
    /// A store that has not answered by then is given up on: 503.
    #[must_use]
    pub fn time_budget(mut self, time_budget: Duration) -> Self {
        self.time_budget = time_budget;
        self
    }

    /// Makes the router. It answers everything below `/v1`, and has no
    /// fallback: it can be merged with others, or nested below a prefix.
    ///
    /// When the router is asked, and not before, it needs a tokio runtime with
    /// its timer enabled.
    pub fn build<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let shared = Shared {
            registry: self.registry,
            gate: Gate::new(self.tokens),
            clock: self.clock,
            time_budget: self.time_budget,
            request_ids: RequestIds::new(),
            document: openapi().into(),
        };
        Router::new()
            .route("/v1", any(answer))
            .route("/v1/", any(answer))
            .route("/v1/{*path}", any(answer))
            .with_state(Arc::new(shared))
    }
}
