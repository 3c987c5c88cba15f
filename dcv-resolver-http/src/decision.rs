//! [`Decision`] and [`DecisionObserver`]: what was decided, for
//! every observer.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, StatusCode, Uri};
use dcv_resolver_core::{Resolution, ResolveRequest, SessionRecord};

use crate::decision_outcome::DecisionOutcome;
use crate::problem::Problem;
use crate::request_id::RequestId;
use crate::trace_context::TraceContext;

/// A request, and what was decided about it.
///
/// Every request produces exactly one. Each [`DecisionObserver`] receives it,
/// and the response carries it as an `Arc<Decision>` in its
/// [extensions](axum::http::Response::extensions), where a middleware can read
/// it.
///
/// ```
/// use std::sync::Arc;
///
/// use axum::response::Response;
/// use dcv_resolver_http::Decision;
///
/// /// A middleware that names the outcome in a header.
/// async fn add_outcome(mut response: Response) -> Response {
///     if let Some(decision) = response.extensions().get::<Arc<Decision>>().cloned() {
///         let outcome = decision.outcome().as_str();
///         response.headers_mut().insert("x-outcome", outcome.parse().expect("a word is a header value"));
///     }
///     response
/// }
///
/// # use dcv_resolver_core::{MemoryStore, Resolver};
/// let app = dcv_resolver_http::router(Resolver::new(MemoryStore::new()))
///     .layer(axum::middleware::map_response(add_outcome));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Decision {
    /// The method of the request.
    pub method: Method,
    /// The path and the query of the request. They are the client's text,
    /// unescaped.
    pub uri: Uri,
    /// The parsed request. `None` if it was not read, or is malformed.
    pub request: Option<ResolveRequest>,
    /// The value of `clientIpAddress` if it is not an address, percent-decoded
    /// if possible. It is the client's text, unescaped.
    pub invalid_client_ip: Option<String>,
    /// The destination, or why there is none. `None` if the caller closed the
    /// connection before the decision.
    pub result: Option<Result<Resolution, Problem>>,
    /// The store that decided, failed, or was being asked. `None` if no store
    /// was asked, or none holds the session.
    pub store: Option<Arc<str>>,
    /// The policy that denied, failed, or was being asked.
    pub policy: Option<Arc<str>>,
    /// The record that decided, if a store holds the session.
    pub record: Option<SessionRecord>,
    /// The time from the request's arrival to the decision.
    pub elapsed: Duration,
    /// The other end of the connection: a gateway, or a proxy in between.
    /// `None` if the server does not provide
    /// [`ConnectInfo`](axum::extract::ConnectInfo).
    pub caller: Option<IpAddr>,
    /// The `x-request-id` of the response.
    pub request_id: RequestId,
    /// The trace that the request is part of.
    pub trace: Option<TraceContext>,
}

impl Decision {
    /// Returns the kind of the decision.
    #[must_use]
    pub fn outcome(&self) -> DecisionOutcome {
        match &self.result {
            None => DecisionOutcome::Abandoned,
            Some(Ok(_)) => DecisionOutcome::Found,
            Some(Err(problem)) => problem.outcome(),
        }
    }

    /// Returns the destination, if there is one.
    #[must_use]
    pub fn resolution(&self) -> Option<&Resolution> {
        self.result.as_ref()?.as_ref().ok()
    }

    /// Returns why there is no destination.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        self.result.as_ref()?.as_ref().err()
    }

    /// Returns the machine-readable reason why there is no destination, such as
    /// `expired`.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        self.problem().map(Problem::reason)
    }

    /// Returns the age of the record that decided, if a cache served it because
    /// its store failed.
    #[must_use]
    pub fn stale_age(&self) -> Option<Duration> {
        self.record.as_ref()?.stale_age()
    }

    /// Returns the status of the response. `None` for an abandoned request.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self.result.as_ref()? {
            Ok(_) => Some(StatusCode::OK),
            Err(problem) => Some(problem.status()),
        }
    }
}

/// An observer that receives every decision, for an audit, billing, metrics or
/// a log.
///
/// ```
/// use dcv_resolver_core::{MemoryStore, Resolver};
/// use dcv_resolver_http::{Decision, DecisionObserver, ResolveService};
///
/// #[derive(Debug)]
/// struct Audit;
///
/// impl DecisionObserver for Audit {
///     fn on_decision(&self, decision: &Decision) {
///         println!("{:?} {}", decision.caller, decision.outcome());
///     }
/// }
///
/// let resolver = Resolver::new(MemoryStore::new());
/// let app = ResolveService::builder(resolver).observer(Audit).router();
/// ```
pub trait DecisionObserver: fmt::Debug + Send + Sync + 'static {
    /// Observes one decision, before the response is sent.
    ///
    /// This is called on the request's task and inside its span, so it must not
    /// block. For an abandoned request it is called from a destructor: do not
    /// panic.
    fn on_decision(&self, decision: &Decision);
}

impl<T: DecisionObserver + ?Sized> DecisionObserver for Arc<T> {
    fn on_decision(&self, decision: &Decision) {
        (**self).on_decision(decision);
    }
}
