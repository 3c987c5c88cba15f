//! The admin API of a DCV session resolver: registers, renews, removes and
//! shows the sessions of any [`SessionRegistry`] over HTTP.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use axum::Router;
//! use dcv_resolver_admin::{AdminBuilder, BearerTokens};
//! use dcv_resolver_core::MemoryStore;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let tokens = BearerTokens::load("/etc/dcv-resolver/tokens")?;
//! let watched = tokens.clone();
//! tokio::spawn(async move { watched.watch(|_reload| ()).await });
//!
//! let registry = Arc::new(MemoryStore::new());
//! let app: Router = AdminBuilder::new(registry, tokens).build();
//! # Ok(())
//! # }
//! ```
//!
//! # Authorization
//!
//! [`BearerTokens`] reads tokens with a name, a [`Role`] and limits from a file.
//! A service with its own authentication implements [`Authorize`] instead, and
//! returns the limits in [`Principal::scope`].
//!
//! The caller is checked before any other part of a request, so that a stranger
//! learns neither which paths nor which sessions exist. Only
//! `GET /v1/openapi.json`, which holds no secret, is open to everyone.
//!
//! | situation | status | `reason` |
//! |---|---|---|
//! | no valid credential ([`AuthError::Unauthorized`]) | 401, with the `WWW-Authenticate` of the authorizer | `unauthorized` |
//! | a change by a caller that may only read | 403 | `read_only_token` |
//! | any other caller that may not do this ([`AuthError::Forbidden`]) | 403 | `forbidden` |
//! | a session outside the [scope](dcv_resolver_authorize::Scope) of the caller, or a listing by a caller with one | 403 | `forbidden` |
//! | an identity provider failed ([`AuthError::Unavailable`]) | 503, with `Retry-After` | `auth_unavailable` |
//!
//! A caller that is limited to some ids may use no other id, registered or not.
//! A caller that is limited to some hosts may register and see only sessions on
//! those hosts; to renew or remove other sessions, it would need their lease
//! tokens. Neither may list sessions: a page, and even its `next_page`, would
//! show other ids.
//!
//! # Operations
//!
//! | request | response |
//! |---|---|
//! | `GET /v1/sessions?limit=&page=` | 200, `sessions` and, unless it is the last page, `next_page`; 429 `too_many_listings`, with `Retry-After`, if other listings run and do not end within a second |
//! | `GET /v1/sessions/{id}` | 200, the session, expired or not; with `Age` if the store fails and a cache returns the session; 404 `unknown` |
//! | `PUT /v1/sessions/{id}` | 200, the session as it is registered now; 409 `already_exists` |
//! | `POST /v1/sessions/{id}/renew` | 200, `expires_at_ms`; 409 `lease_lost` |
//! | `DELETE /v1/sessions/{id}` | 204; 404 `no_such_lease`, or `unknown` to an operator without a lease token |
//! | `GET /v1/openapi.json` | 200, the [OpenAPI document](openapi()), which describes all of this in full |
//!
//! - **Ids** are percent-encoded, a `/` as `%2F`, and decoded once, strictly.
//!   Some HTTP clients treat the ids `.` and `..` as folders unless they are
//!   written as `%2E`, and a few even then.
//! - **A registration** has the fields of a
//!   [`SessionRecord`](dcv_resolver_core::SessionRecord) without `id`, and
//!   exactly one of `expires_at_ms` (`null` for never) and `ttl_ms`.
//! - **The lease token** is in the header `lease-token`. A registration without
//!   one gets a generated token in the same header of the response, even if the
//!   store failed, since it may have stored the session. Every other change
//!   requires the token. A client that sends a token of its own can repeat a
//!   registration whose response was lost.
//! - **A lost lease is a 409**, not a 412, which is for conditions such as
//!   `If-Match`. The API has no `ETag`: a matching one shows that a session is
//!   unchanged, not that it is still yours, so any reader could take it over. A
//!   registry compares the lease token in the same step in which it writes.
//! - **A lost lease token** does not mean that you have to wait until the
//!   session expires: an operator can remove the session without it, if the API
//!   was built [with import](AdminBuilder::with_import). An operator is a
//!   caller with the role `operator`, or one whose
//!   [`Principal::overrides_leases`] is set.
//! - **`HEAD`** is answered as `GET`, without a body.
//! - **A removal that removes nothing is a 404**. A registry does not
//!   distinguish an absent session from one that is registered under another
//!   lease.
//!
//! Every other response that is not a success is a problem document, as those
//! of the [resolver](dcv_resolver_http#the-answers):
//!
//! | situation | status | `reason` |
//! |---|---|---|
//! | another path | 404 | `no_such_path` |
//! | another method | 405, with `Allow` | `method_not_allowed` |
//! | a URI of more than [`MAX_URI_BYTES`](dcv_resolver_http::MAX_URI_BYTES) | 414 | `uri_too_long` |
//! | an invalid id, query, header or body | 400, with `parameter` | `malformed_request` |
//! | a body that is not `application/json` | 415 | `not_json` |
//! | a body of more than 64 KiB | 413 | `body_too_long` |
//! | a body that does not arrive within the [time budget](AdminBuilder::time_budget) | 408 | `body_timeout` |
//! | the store is unavailable | 503, with `Retry-After` | `store_unavailable` |
//! | the time budget ran out | 503, with `Retry-After` | `timeout` |
//! | a damaged record, a panic in the store | 500 | `internal_error` |
//!
//! After a 500 or a 503, a change may or may not have been made. It is safe to
//! repeat it with the same lease token.
//!
//! # The log
//!
//! Every attempt to change a session is one [`tracing`] event with the target
//! `dcv_resolver::audit`: at level INFO if it is done, WARN if it is refused or
//! abandoned, ERROR if the store failed. Every other operation is an event with
//! the target `dcv_resolver::admin`, at level DEBUG, or ERROR if the store
//! failed.
//!
//! | field | |
//! |---|---|
//! | `action` | `register`, `renew` or `deregister`; `list`, `get` or `describe` |
//! | `session_id` | the id, escaped; absent if the request has no valid one |
//! | `host`, `expires_at` | the destination of a registration, and when it expires, or `never`; a renewal has the second |
//! | `lease_overridden` | `true` if an operator removes a session without its lease token |
//! | `principal`, `role` | the name and the role of the [`Principal`]: those of the bearer token, escaped |
//! | `caller` | the address of the caller, if the server provides [`ConnectInfo`](axum::extract::ConnectInfo) |
//! | `outcome` | `done`, `refused`, `failed`, or `abandoned`: the caller closed the connection before the response |
//! | `reason`, `status`, `detail` | as in the response, for `refused` and `failed` |
//! | `elapsed_us` | microseconds since the request's arrival in the router |
//! | `request_id` | the `x-request-id` of the response |
//! | `error` | the error of the store with its sources, or the message of a panic |
//!
//! A request that fails before its sender is known is not an attempt to change a
//! session. The first with each `reason` is logged with the target
//! `dcv_resolver::admin`, at WARN if it is refused and at ERROR if the
//! authorization fails; those of the next 10 s are logged as one more event, with
//! their number in `suppressed`.
//!
//! No token of either kind is ever logged.
//!
//! An [`AdminObserver`] receives the action and the outcome of every request,
//! including those that are refused before their sender is known.
//!
//! [`SessionRegistry`]: dcv_resolver_core::SessionRegistry
//! [`Authorize`]: dcv_resolver_authorize::Authorize
//! [`AuthError::Unauthorized`]: dcv_resolver_authorize::AuthError::Unauthorized
//! [`AuthError::Forbidden`]: dcv_resolver_authorize::AuthError::Forbidden
//! [`AuthError::Unavailable`]: dcv_resolver_authorize::AuthError::Unavailable
//! [`Principal`]: dcv_resolver_authorize::Principal
//! [`Principal::scope`]: dcv_resolver_authorize::Principal::scope
//! [`Principal::overrides_leases`]: dcv_resolver_authorize::Principal::overrides_leases

#![cfg_attr(docsrs, feature(doc_cfg))]

mod admin_error;
mod admin_state;
mod audit;
mod authenticator;
mod authorization_header;
mod bearer_tokens;
mod builder;
mod deadline;
mod describe;
mod document;
mod endpoint;
mod expiry_fields;
mod json_body;
mod lease_header;
mod lease_token;
mod listing_limit;
mod methods;
mod observer;
mod operation;
mod optional_field;
mod problem;
mod query;
mod registration;
mod removal;
mod renewal;
mod request_context;
mod role;
mod routes;
mod schemas;
mod session;
mod session_page;
mod session_path;
mod sessions;
mod store_failure;
mod token_file;
mod unread_body;
mod whole_number;

/// The version of axum whose [`Router`](axum::Router) [`AdminBuilder`] builds.
pub use axum;
pub use bearer_tokens::{BearerTokens, TokensError};
pub use builder::AdminBuilder;
pub use dcv_resolver_file_watch::Reload;
pub use observer::{AdminEvent, AdminObserver};
pub use role::{InvalidRole, Role};
pub use routes::openapi;
pub use token_file::{InvalidTokenLine, InvalidTokens};

// Programs share these among threads and tasks.
const _: fn() = || {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<AdminBuilder>();
    is_shared::<TokensError>();
};

/// Runs the examples of the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
