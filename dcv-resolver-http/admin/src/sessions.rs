//! The operations on sessions.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::AGE;
use axum::response::{IntoResponse, Response};
use dcv_resolver_core::{ListError, RegisterError, RenewError};

use crate::admin_error::AdminError;
use crate::admin_state::AdminState;
use crate::json_body::JsonBody;
use crate::lease_header;
use crate::lease_token::{self, OptionalLeaseToken, OwnersLeaseToken, RequiredLeaseToken};
use crate::problem::Problem;
use crate::query::NoQuery;
use crate::registration::Registration;
use crate::removal;
use crate::renewal::{Renewal, Renewed};
use crate::request_context::RequestContext;
use crate::schemas;
use crate::session::Session;
use crate::session_page::{ListQuery, SessionPage};
use crate::session_path::SessionPath;
use crate::store_failure::StoreFailure;

/// Lists sessions, page by page.
///
/// Returns each session that exists during the whole listing at least once,
/// including expired ones. The order is the store's own, and a page may hold
/// fewer sessions than asked for, or a few more. The last page is the one
/// without next_page. Few listings run at once; others wait for up to a second,
/// and then get a 429.
#[utoipa::path(
    get,
    path = "/v1/sessions",
    params(ListQuery),
    responses(
        (status = 200, description = "A page.", body = SessionPage),
        (status = 429, description = "`too_many_listings`: try again later.", body = Problem),
    ),
    security(("token" = [])),
)]
pub(crate) async fn list(
    State(admin): State<Arc<AdminState>>,
    context: RequestContext,
    query: ListQuery,
) -> Result<Json<SessionPage>, AdminError> {
    context.check_unlimited()?;
    let _permit = admin.listings.permit(context.deadline).await?;
    let listing = async { admin.registry.list(query.page.as_ref(), query.limit).await };
    match context.deadline.call(listing).await {
        Ok(Ok(page)) => Ok(Json(page.into())),
        Ok(Err(ListError::InvalidPageToken { .. })) => Err(AdminError::malformed(
            "page",
            "page is not the next_page of another page, or is out of date; begin again with the first page",
        )),
        Ok(Err(error)) => Err(AdminError::Store(error.into())),
        Err(interrupted) => Err(AdminError::Store(interrupted.into())),
    }
}

/// Shows a session.
///
/// Returns what is registered, expired or not.
#[utoipa::path(
    get,
    path = "/v1/sessions/{id}",
    params(SessionPath),
    responses(
        (status = 200, description = "The session.", body = Session, headers(
            ("age" = u64, description = "The age of this record in seconds; only if the store fails and a cache shows what it held."),
        )),
        (status = 404, description = "`unknown`: there is no session with this id.", body = Problem),
    ),
    security(("token" = [])),
)]
pub(crate) async fn get(
    State(admin): State<Arc<AdminState>>,
    context: RequestContext,
    SessionPath { id }: SessionPath,
    _: NoQuery,
) -> Result<Response, AdminError> {
    let record = match context
        .deadline
        .call(async { admin.registry.lookup(&id).await })
        .await
    {
        Ok(Ok(record)) => record.ok_or(AdminError::NoSuchSession)?,
        Ok(Err(error)) => return Err(AdminError::Store(error.into())),
        Err(interrupted) => {
            return Err(AdminError::Store(interrupted.into()));
        }
    };
    context.check_host(record.host())?;
    let age = record.stale_age();
    let mut response = Json(Session(record)).into_response();
    if let Some(age) = age {
        response.headers_mut().insert(AGE, age.as_secs().into());
    }
    Ok(response)
}

/// Registers a session.
///
/// Replaces a session with the same lease token, and one that is expired. If a
/// live session has another token, the response is a 409. Without a lease
/// token, one is generated, and only then is it returned in the response. Send
/// a token of your own to be able to repeat a registration whose response was
/// lost.
#[utoipa::path(
    put,
    path = "/v1/sessions/{id}",
    params(SessionPath, OptionalLeaseToken),
    request_body = Registration,
    responses(
        (status = 200, description = "The session as it is registered now.", body = Session, headers(
            ("lease-token" = schemas::LeaseToken, description = "The generated lease token; only if the request has none."),
        )),
        (status = 409, description = "`already_exists`: a live session with this id is registered under another lease token.", body = Problem),
        (status = 500, description = "`internal_error`: see the resolver's log.", body = Problem, headers(
            ("lease-token" = schemas::LeaseToken, description = "The generated lease token; only if the request has none."),
        )),
        (status = 503, description = "`store_unavailable` or `timeout`: try again later.", body = Problem, headers(
            ("lease-token" = schemas::LeaseToken, description = "The generated lease token; only if the request has none."),
        )),
    ),
    security(("token" = [])),
)]
pub(crate) async fn register(
    State(admin): State<Arc<AdminState>>,
    context: RequestContext,
    SessionPath { id }: SessionPath,
    _: NoQuery,
    OptionalLeaseToken { lease_token: given }: OptionalLeaseToken,
    JsonBody(registration): JsonBody<Registration>,
) -> Result<Response, AdminError> {
    let now = admin.clock.now();
    let record = registration.into_record(id, now)?;
    context.subject.host.get_or_init(|| record.host().clone());
    context.subject.expiry.get_or_init(|| record.expiry());
    context.check_host(record.host())?;

    let (token, generated) = match given {
        Some(token) => (token, None),
        None => {
            let token = lease_token::generate()?;
            (token, Some(token))
        }
    };
    let unknown = |failure| AdminError::OutcomeUnknown { failure, generated };
    let registering = async { admin.registry.register(&record, &token, now).await };
    match context.deadline.call(registering).await {
        Ok(Ok(())) => {}
        Ok(Err(RegisterError::AlreadyExists)) => {
            return Err(AdminError::AlreadyExists);
        }
        Ok(Err(error)) => return Err(unknown(error.into())),
        Err(interrupted) => return Err(unknown(interrupted.into())),
    }
    let mut response = Json(Session(record)).into_response();
    if let Some(token) = &generated {
        lease_header::insert(response.headers_mut(), token);
    }
    Ok(response)
}

/// Renews the lease of a session.
///
/// Changes when the session expires, to an earlier or later time, and nothing
/// else. An expired session cannot be renewed; register it again.
#[utoipa::path(
    post,
    path = "/v1/sessions/{id}/renew",
    params(SessionPath, RequiredLeaseToken),
    request_body = Renewal,
    responses(
        (status = 200, description = "When the session expires now.", body = Renewed),
        (status = 409, description = "`lease_lost`: there is no live session with this id and lease token.", body = Problem),
    ),
    security(("token" = [])),
)]
pub(crate) async fn renew(
    State(admin): State<Arc<AdminState>>,
    context: RequestContext,
    SessionPath { id }: SessionPath,
    _: NoQuery,
    RequiredLeaseToken { lease_token }: RequiredLeaseToken,
    JsonBody(renewal): JsonBody<Renewal>,
) -> Result<Json<Renewed>, AdminError> {
    let now = admin.clock.now();
    let expiry = renewal.expiry(now)?;
    context.subject.expiry.get_or_init(|| expiry);

    let renewing = async { admin.registry.renew(&id, &lease_token, expiry, now).await };
    match context.deadline.call(renewing).await {
        Ok(Ok(())) => Ok(Json(Renewed {
            expires_at_ms: expiry,
        })),
        Ok(Err(RenewError::LeaseLost)) => Err(AdminError::LeaseLost),
        Ok(Err(error)) => Err(unknown(error.into())),
        Err(interrupted) => Err(unknown(interrupted.into())),
    }
}

/// Removes a session.
///
/// If the session does not exist, or is registered under another lease token,
/// the response is a 404: a registry does not distinguish the two. Operators
/// remove a session whose lease token is lost by leaving the token out.
#[utoipa::path(
    delete,
    path = "/v1/sessions/{id}",
    params(SessionPath, OwnersLeaseToken),
    responses(
        (status = 204, description = "The session is removed."),
        (status = 404, description = "`no_such_lease`: there is no session with this id and lease token; or `unknown`: there is none with this id for an operator to remove.", body = Problem),
    ),
    security(("token" = [])),
)]
pub(crate) async fn deregister(
    State(admin): State<Arc<AdminState>>,
    context: RequestContext,
    SessionPath { id }: SessionPath,
    _: NoQuery,
    OwnersLeaseToken { lease_token }: OwnersLeaseToken,
) -> Result<StatusCode, AdminError> {
    let Some(lease_token) = lease_token else {
        let import = admin.import.as_ref().ok_or_else(lease_token::missing)?;
        if !context.may_override_leases() {
            return Err(lease_token::missing_for_a_removal());
        }
        context.subject.overrides_lease.get_or_init(|| true);
        removal::remove(&admin, import, &context, &id).await?;
        return Ok(StatusCode::NO_CONTENT);
    };
    let deregistering = async { admin.registry.deregister(&id, &lease_token).await };
    match context.deadline.call(deregistering).await {
        Ok(Ok(true)) => Ok(StatusCode::NO_CONTENT),
        Ok(Ok(false)) => Err(AdminError::NoSuchLease),
        Ok(Err(error)) => Err(unknown(error.into())),
        Err(interrupted) => Err(unknown(interrupted.into())),
    }
}

fn unknown(failure: StoreFailure) -> AdminError {
    AdminError::OutcomeUnknown {
        failure,
        generated: None,
    }
}
