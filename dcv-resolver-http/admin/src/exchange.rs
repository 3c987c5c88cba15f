//! One request in, one answer out.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AGE, CACHE_CONTROL, CONNECTION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use dcv_resolver_core::{Clock, Expiry, SessionId, SessionRegistry};
use serde::Serialize;
use tokio::time::Instant;

use super::action::{Action, Resource};
use super::audit::Attempt;
use super::fault::{Fault, RegistryFailure};
use super::gate::Gate;
use super::lease_token::{insert_lease_token, lease_token, mint, required_lease_token};
use super::page::{PageQuery, SessionPage, expect_no_query};
use super::registration::{Registration, Renewal};
use super::request_body::read_json;
use crate::body;
use crate::store_failure::call_with_timeout;
use dcv_resolver_http::percent::decode_path;
use dcv_resolver_http::{MAX_URI_BYTES, RequestIds, X_REQUEST_ID};

/// What every exchange of one router shares.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) registry: Arc<dyn SessionRegistry>,
    pub(super) gate: Gate,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) time_budget: Duration,
    pub(super) request_ids: RequestIds,
    /// The OpenAPI document.
    pub(super) document: Bytes,
}

/// Answers one request below `/v1`, whatever its path, method and body.
pub(super) async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let started = Instant::now();
    let (parts, mut request_body) = request.into_parts();
    let request_id = shared.request_ids.id_for(&parts.headers);

    let exchange = Exchange {
        shared: &shared,
        parts: &parts,
        started,
        request_id: request_id.to_str().unwrap_or_default(),
        caller_ip: peer(&parts.extensions).map(|peer| peer.ip().to_canonical()),
    };
    let result = exchange.run(&mut request_body).await;
    let mut response = result.unwrap_or_else(Fault::into_response);

    // What nobody has read of the body must not cost the client its answer.
    let body_ended = body::discard(request_body, exchange.time_left()).await;

    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_REQUEST_ID, request_id);
    if !body_ended {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(peer)| *peer)
}

/// One request.
struct Exchange<'a> {
    shared: &'a Shared,
    parts: &'a Parts,
    started: Instant,
    request_id: &'a str,
    caller_ip: Option<IpAddr>,
}

impl Exchange<'_> {
    /// Nothing of a request without a token is looked at, but whether it asks
    /// for the document: it learns neither what paths there are nor what
    /// sessions.
    async fn run(&self, body: &mut Body) -> Result<Response, Fault> {
        let resource = Resource::of(self.parts.uri.path());
        let action = resource.and_then(|resource| resource.action(&self.parts.method));
        let holder = if action.is_some_and(Action::is_open) {
            None
        } else {
            let headers = &self.parts.headers;
            let holder = self
                .shared
                .gate
                .holder(headers, self.caller_ip, self.request_id);
            Some(holder.ok_or(Fault::Unauthorized)?)
        };
        let resource = resource.ok_or(Fault::NoSuchPath)?;
        let action = action.ok_or_else(|| Fault::not_allowed(resource))?;

        let mut attempt = Attempt {
            action,
            holder: holder.as_ref(),
            caller_ip: self.caller_ip,
            request_id: self.request_id,
            started: self.started,
            session_id: None,
            host: None,
            expiry: None,
            is_told: false,
        };
        let result = self.attempt(&mut attempt, resource, body).await;
        attempt.tell(&result);
        result
    }

    async fn attempt(
        &self,
        attempt: &mut Attempt<'_>,
        resource: Resource<'_>,
        body: &mut Body,
    ) -> Result<Response, Fault> {
        let action = attempt.action;
        if action.is_change()
            && !attempt
                .holder
                .is_some_and(|holder| holder.role().may_write())
        {
            return Err(Fault::ReadOnly);
        }
        let uri = &self.parts.uri;
        let uri_bytes = uri.path_and_query().map_or(0, |text| text.as_str().len());
        if uri_bytes > MAX_URI_BYTES {
            return Err(Fault::UriTooLong);
        }
        if action == Action::List {
            return self.list(PageQuery::parse(uri.query())?).await;
        }
        let id = match resource {
            Resource::Session { id } | Resource::Renewal { id } => session_id(id)?,
            Resource::Document | Resource::Sessions => {
                expect_no_query(uri.query())?;
                return Ok(with_json(self.shared.document.clone()));
            }
        };
        attempt.session_id = Some(id.clone());
        expect_no_query(uri.query())?;
        match action {
            Action::Register => self.register(attempt, id, body).await,
            Action::Renew => self.renew(attempt, &id, body).await,
            Action::Deregister => self.deregister(&id).await,
            Action::Describe | Action::List | Action::Get => self.get(&id).await,
        }
    }

    async fn list(&self, query: PageQuery) -> Result<Response, Fault> {
        let registry = &self.shared.registry;
        let listing = registry.list(query.page.as_ref(), query.limit);
        let page = self.ask(Action::List, listing).await?;
        json(&SessionPage::from(page))
    }

    async fn get(&self, id: &SessionId) -> Result<Response, Fault> {
        let lookup = self.shared.registry.lookup(id);
        let record = self.ask(Action::Get, lookup).await?;
        let record = record.ok_or(Fault::NoSuchSession)?;
        let mut response = json(&record)?;
        if let Some(age) = record.stale_age() {
            response.headers_mut().insert(AGE, age.as_secs().into());
        }
        Ok(response)
    }

    async fn register(
        &self,
        attempt: &mut Attempt<'_>,
        id: SessionId,
        body: &mut Body,
    ) -> Result<Response, Fault> {
        let headers = &self.parts.headers;
        let given = lease_token(headers)?;
        let registration: Registration = read_json(headers, body, self.time_left()).await?;
        let now = self.shared.clock.now();
        let record = registration.record(id, now)?;
        attempt.host = Some(record.host().clone());
        attempt.expiry = Some(record.expiry());
        let (token, minted) = match given {
            Some(token) => (token, None),
            None => {
                let token = mint()?;
                (token, Some(token))
            }
        };
        let registering = self.shared.registry.register(&record, &token, now);
        self.ask(Action::Register, registering)
            .await
            .map_err(|fault| fault.with_minted(minted))?;
        let mut response = json(&record)?;
        if let Some(minted) = minted {
            insert_lease_token(response.headers_mut(), &minted);
        }
        Ok(response)
    }

    async fn renew(
        &self,
        attempt: &mut Attempt<'_>,
        id: &SessionId,
        body: &mut Body,
    ) -> Result<Response, Fault> {
        let headers = &self.parts.headers;
        let token = required_lease_token(headers)?;
        let renewal: Renewal = read_json(headers, body, self.time_left()).await?;
        let now = self.shared.clock.now();
        let expiry = renewal.expiry(now)?;
        attempt.expiry = Some(expiry);
        let renewing = self.shared.registry.renew(id, &token, expiry, now);
        self.ask(Action::Renew, renewing).await?;
        json(&Renewed {
            expires_at_ms: expiry,
        })
    }

    async fn deregister(&self, id: &SessionId) -> Result<Response, Fault> {
        let token = required_lease_token(&self.parts.headers)?;
        let deregistering = self.shared.registry.deregister(id, &token);
        if self.ask(Action::Deregister, deregistering).await? {
            Ok(StatusCode::NO_CONTENT.into_response())
        } else {
            Err(Fault::NoSuchLease)
        }
    }

    /// Asks the registry, within what is left of the time budget.
    async fn ask<T, E: Into<RegistryFailure>>(
        &self,
        action: Action,
        asking: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Fault> {
        let asking = async {
            match asking.await.map_err(E::into) {
                Ok(done) => Ok(Ok(done)),
                Err(RegistryFailure::Answer(fault)) => Ok(Err(fault)),
                Err(RegistryFailure::Store(error)) => Err(error),
            }
        };
        call_with_timeout(self.time_left(), asking)
            .await
            .map_err(|failure| Fault::of(action, failure))?
    }

    fn time_left(&self) -> Duration {
        self.shared
            .time_budget
            .saturating_sub(self.started.elapsed())
    }
}

/// What a renewal answers.
#[derive(Debug, Serialize)]
struct Renewed {
    expires_at_ms: Expiry,
}

/// Decodes the id of a path: once, and nothing is guessed, so that two paths
/// never become one id.
fn session_id(raw: &str) -> Result<SessionId, Fault> {
    let malformed = |detail: String| Fault::malformed("id", detail);
    let id = decode_path(raw)
        .map_err(|error| malformed(format!("the session id in the path is {error}")))?;
    SessionId::new(id).map_err(|error| malformed(error.to_string()))
}

#[expect(clippy::expect_used, reason = "strings and numbers serialize")]
fn json<T: Serialize>(value: &T) -> Result<Response, Fault> {
    Ok(with_json(
        serde_json::to_vec(value).expect("strings and numbers serialize"),
    ))
}

fn with_json(body: impl Into<Body>) -> Response {
    ([(CONTENT_TYPE, "application/json")], body.into()).into_response()
}
