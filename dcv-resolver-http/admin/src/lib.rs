//! The admin API: sessions are registered, renewed, removed and shown over
//! HTTP, in any [`SessionRegistry`].
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use axum::Router;
//! use dcv_resolver_core::MemoryStore;
//! use dcv_resolver_admin::{AdminBuilder, Tokens};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let tokens = Tokens::load("/etc/dcv-resolver/tokens")?;
//! let watched = tokens.clone();
//! tokio::spawn(async move { watched.watch(|_reload| ()).await });
//!
//! let store = Arc::new(MemoryStore::new());
//! let app: Router = AdminBuilder::new(store, tokens).build();
//! # Ok(())
//! # }
//! ```
//!
//! # Who may do what
//!
//! Every request but `GET /v1/openapi.json`, which holds no secret, carries
//! `Authorization: Bearer TOKEN` with a token of the [token file](Tokens). It
//! is checked before anything else of the request is looked at, so that nobody
//! without one learns which paths or sessions there are. A caller without a
//! good one gets a 401; who may only read, a 403 for a change.
//!
//! # The requests
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/sessions?limit=&page=` | 200, `sessions` and, unless it is the last page, `next_page` |
//! | `GET /v1/sessions/{id}` | 200, the session, expired or not, with `Age` where a cache shows it because the store fails; 404 `unknown` |
//! | `PUT /v1/sessions/{id}` | 200, the session as it is registered now; 409 `already_exists` |
//! | `POST /v1/sessions/{id}/renew` | 200, `expires_at_ms`; 409 `lease_lost` |
//! | `DELETE /v1/sessions/{id}` | 204; 404 `no_such_lease` |
//! | `GET /v1/openapi.json` | 200, the [OpenAPI document](openapi()) with all of this in full |
//!
//! - **An id** is percent-encoded, a `/` in it as `%2F`. It is decoded once,
//!   strictly. An HTTP client may take the ids `.` and `..` for folders unless
//!   they are written as `%2E`, and some even then.
//! - **A registration** has the fields of a
//!   [`SessionRecord`](dcv_resolver_core::SessionRecord) without `id`, or
//!   `ttl_ms` for `expires_at_ms`. When it expires must be said; `null` is
//!   never.
//! - **The lease token** travels in the header `lease-token`. A registration
//!   without one gets one that is minted, in the answer's header of that name;
//!   also when it is unknown whether the store has stored it. Everything but
//!   looking requires it. Who brings a token of its own can repeat a
//!   registration whose answer was lost.
//! - **A lost lease is a 409**, and not a 412: that is for the conditions of
//!   `If-Match` and its like, which go by the state of a resource. Neither
//!   those nor `ETag` are used here. What a writer has to know is whether the
//!   session is still its own, and an `ETag` that fits says only that nobody
//!   has changed it: whoever reads the session could then take it over. A
//!   registry compares the lease token in the same step in which it writes,
//!   and cannot do so with anything else.
//! - **A removal that removes nothing is a 404**. Whether the session is absent
//!   or registered under another lease cannot be told apart: a registry does
//!   not say it.
//! - **Whatever is not done** is answered with a problem document, as by the
//!   [resolver](dcv_resolver_http#the-answers): 400 `malformed_request` with the
//!   `parameter` at fault, 404 `no_such_path`, 405 `method_not_allowed` with
//!   `Allow`, 408 `body_timeout`, 413 `body_too_long` (64 KiB), 414
//!   `uri_too_long`, 415 `not_json`, 500 `internal_error`, 503
//!   `store_unavailable` or `timeout`. After a 500 or 503 to a change it is
//!   unknown whether it was made, and harmless to repeat it with the same
//!   lease token.
//!
//! # The log
//!
//! Each attempt to change something leaves one [`tracing`] event with the
//! target `dcv_resolver::audit`: at level INFO when it is done, WARN when it is
//! refused, ERROR when the store failed. Looking leaves one with the target
//! `dcv_resolver::admin`, at DEBUG, or ERROR when the store failed.
//!
//! | field | |
//! |---|---|
//! | `action` | `register`, `renew` or `deregister`; `list`, `get` or `describe` |
//! | `session_id` | the id, escaped; left out where it is none |
//! | `host`, `expires_at` | where the session is to lead, and until when it is to live, or `never`; of a registration, and the second of a renewal |
//! | `token_name`, `role` | whose bearer token it is |
//! | `caller_ip` | the caller's address, where the server tells: with `ConnectInfo` |
//! | `outcome` | `done`, `refused`, `failed`, or `abandoned`: the caller went away in the middle |
//! | `reason`, `status`, `detail` | as in the answer, for all but `done` |
//! | `elapsed_us` | microseconds from the request's arrival in the router |
//! | `request_id` | the answer's `x-request-id` |
//! | `error` | what the store's error says, with its sources, or what a panic said |
//!
//! Requests without a good token are not attempts to change something: the
//! first is a WARN of `dcv_resolver::admin`, and those of the 10 s after it are
//! one more, with their number in `refused`.
//!
//! No token of either kind is ever logged.

mod action;
mod audit;
mod body;
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
mod store_failure;
mod token_file;
mod tokens;
mod watched_files;
mod whole_number;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use dcv_resolver_core::{Clock, SessionRegistry, SystemClock};

use dcv_resolver_http::RequestIds;
use exchange::{Shared, answer};
use gate::Gate;
pub use openapi::openapi;
pub use role::{InvalidRole, Principal, Role};
pub use token_file::{InvalidTokenLine, InvalidTokens};
pub use tokens::{Tokens, TokensError, TokensReload};

/// Makes a router that answers the admin API; see [the module](self).
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
