//! [`OptionalLeaseToken`], [`RequiredLeaseToken`] and [`OwnersLeaseToken`]: the
//! lease token that a request carries.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use dcv_resolver_core::LeaseToken;
use utoipa::IntoParams;

use crate::admin_error::AdminError;
use crate::lease_header::LEASE_TOKEN;
use crate::schemas;

/// The lease token that a request carries, if any.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct OptionalLeaseToken {
    /// The lease token to register under; one is generated if it is left out.
    #[param(rename = "lease-token", value_type = schemas::LeaseToken, required = false)]
    pub(crate) lease_token: Option<LeaseToken>,
}

/// The lease token of the owner that removes a session.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct OwnersLeaseToken {
    /// The lease token under which the session was registered. Only operators
    /// can leave it out.
    #[param(rename = "lease-token", value_type = schemas::LeaseToken, required = false)]
    pub(crate) lease_token: Option<LeaseToken>,
}

/// The lease token that a request has to carry.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct RequiredLeaseToken {
    /// The lease token under which the session was registered.
    #[param(rename = "lease-token", value_type = schemas::LeaseToken)]
    pub(crate) lease_token: LeaseToken,
}

impl<S: Sync> FromRequestParts<S> for OptionalLeaseToken {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AdminError> {
        read(&parts.headers).map(|lease_token| Self { lease_token })
    }
}

impl<S: Sync> FromRequestParts<S> for OwnersLeaseToken {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AdminError> {
        read(&parts.headers).map(|lease_token| Self { lease_token })
    }
}

impl<S: Sync> FromRequestParts<S> for RequiredLeaseToken {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AdminError> {
        match read(&parts.headers)? {
            Some(lease_token) => Ok(Self { lease_token }),
            None => Err(missing()),
        }
    }
}

/// Refuses a request without a lease token.
pub(crate) fn missing() -> AdminError {
    malformed("it is missing; send the token under which the session was registered")
}

/// Refuses a removal without a lease token by a caller that is not an operator.
pub(crate) fn missing_for_a_removal() -> AdminError {
    malformed(
        "it is missing; send the token under which the session was registered, or ask an operator: a bearer token with the role operator needs none",
    )
}

fn read(headers: &HeaderMap) -> Result<Option<LeaseToken>, AdminError> {
    let mut values = headers.get_all(LEASE_TOKEN).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(malformed("it is given more than once"));
    }
    // A value that is not ASCII is not hexadecimal either.
    let text = value.to_str().unwrap_or_default();
    text.parse()
        .map(Some)
        .map_err(|error| malformed(&format!("{error}")))
}

fn malformed(detail: &str) -> AdminError {
    let name = LEASE_TOKEN;
    AdminError::malformed(
        name.as_str().to_owned(),
        format!("the header {name} is invalid: {detail}"),
    )
}

/// Returns a token of random bytes.
pub(crate) fn generate() -> Result<LeaseToken, AdminError> {
    let mut bytes = [0; LeaseToken::BYTES];
    getrandom::fill(&mut bytes).map_err(AdminError::NoRandomness)?;
    Ok(LeaseToken::from_bytes(bytes))
}
