//! Amazon DCV sessions, the rules that decide a resolve request, and the
//! contracts of stores.
//!
//! The DCV Connection Gateway asks a *session resolver* for every connection:
//! which DCV server runs this session? This crate defines the request, the
//! answer and the rules in between. It depends on no web framework, no database
//! and no async runtime.
//! - [`ResolveRequest`]: a request, already validated.
//! - [`SessionStore`]: looks sessions up. [A store of your own](store) takes
//!   fewer than 25 lines; [`MemoryStore`] is one.
//! - [`SessionRecord`]: what a store holds about one session, and its
//!   [stored form](stored_form).
//! - [`SessionListing`]: a store that lists its sessions.
//! - [`SessionRegistry`]: registers sessions at run time, under a
//!   [`LeaseToken`]; [`SessionImport`] does so in batches.
//! - [`ChangeSource`]: a store that reports its changes to a [`ChangeListener`],
//!   such as a cache.
//! - [`Resolver`]: looks a session up, in one store or several in turn, and
//!   checks whether it is live, is ready, offers the transport and is allowed.
//! - [`Policy`]: a rule of your own; [`ClientNetworks`] is one.
//! - [`Outcome`]: the destination, or the reason why there is none. A failure
//!   of a store or a policy is a [`ResolveError`] instead, so an outage is
//!   never mistaken for an unknown session.
//! - [`Explainer`]: explains how a request is resolved, step by step, and
//!   suggests similar ids.
//! - [`testing`]: a clock that the test sets, and stores, policies and
//!   listeners that do what the test asks for.
//!
//! ```
//! use dcv_resolver_core::{
//!     Expiry, MemoryStore, Outcome, ResolveRequest, Resolver, SessionRecord, Transport,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let record = SessionRecord::builder("console".parse()?, "ws-17.dcv.example".parse()?, Expiry::Never)
//!     .http_port(8443)
//!     .build()?;
//! let resolver = Resolver::new(MemoryStore::from_iter([record]));
//!
//! let request = ResolveRequest::new("console".parse()?, Transport::Quic);
//! match resolver.resolve(&request).await? {
//!     Outcome::Found(resolution) => println!("{}", serde_json::to_string(&resolution)?),
//!     Outcome::NotFound(reason) => {
//!         assert_eq!(reason.to_string(), "the session's server does not offer QUIC");
//!     }
//! }
//! # Ok(())
//! # }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

mod cache_stats;
mod changes;
mod client_networks;
mod clock;
mod error_chain;
pub mod escape;
mod expiry;
mod explainer;
mod explanation;
mod future;
mod host;
mod id;
mod import;
mod lease;
mod listing;
mod memory;
mod memory_size;
mod named_policy;
mod named_store;
mod network;
mod outcome;
mod policy;
mod policy_error;
mod record;
mod record_builder;
mod record_inner;
mod registry;
mod request;
mod resolve_error;
mod resolve_progress;
mod resolver;
mod resolver_builder;
mod rules;
mod session_state;
pub mod store;
mod store_error;
pub mod stored_form;
mod suggestions;
pub mod testing;
mod timestamp;
mod transport;
mod web_url_path;

pub use async_trait::async_trait;
pub use cache_stats::CacheStats;
pub use changes::{ChangeEvent, ChangeListener, ChangeSource};
pub use client_networks::{ClientNetworks, UnknownClient};
pub use clock::{Clock, SystemClock};
pub use error_chain::ErrorChain;
pub use expiry::Expiry;
pub use explainer::Explainer;
pub use explanation::{
    Conclusion, Explanation, RuleKind, RuleResult, RuleStep, StoreResult, StoreStep,
};
pub use future::BoxFuture;
pub use host::{Host, InvalidHost};
pub use id::{InvalidSessionId, SessionId};
pub use import::{ImportOutcome, OnConflict, SessionImport};
pub use lease::{InvalidLeaseToken, LeaseToken};
pub use listing::{ListError, Page, PageToken, SessionListing};
pub use memory::MemoryStore;
pub use named_store::NamedStore;
pub use network::{InvalidNetwork, Network};
pub use outcome::{NotFound, Outcome, Resolution};
pub use policy::{Denial, Policy, Verdict};
pub use policy_error::{PolicyError, PolicyErrorKind};
pub use record::{InvalidRecord, SessionRecord};
pub use record_builder::SessionRecordBuilder;
pub use registry::{RegisterError, RenewError, SessionRegistry};
pub use request::ResolveRequest;
pub use resolve_error::ResolveError;
pub use resolve_progress::ResolveProgress;
pub use resolver::Resolver;
pub use resolver_builder::{BuildResolverError, ResolverBuilder};
pub use session_state::{InvalidSessionState, SessionState};
#[doc(inline)]
pub use store::SessionStore;
pub use store_error::{StoreError, StoreErrorKind};
pub use suggestions::Suggestion;
pub use timestamp::{ImplausibleTimestamp, InvalidTimestamp, Timestamp};
pub use transport::{InvalidTransport, Transport};
pub use web_url_path::{InvalidWebUrlPath, WebUrlPath};

// Programs share these among threads and tasks.
const _: fn() = || {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<Explainer>();
    is_shared::<ResolveError>();
    is_shared::<ResolveProgress>();
    is_shared::<Resolver>();
    is_shared::<SessionRecord>();
    is_shared::<StoreError>();
};

/// Runs the examples of the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
