//! `expires_at_ms` and `ttl_ms`: two ways to say when a session expires.

use std::time::Duration;

use dcv_resolver_core::{Expiry, ImplausibleTimestamp, Timestamp};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::admin_error::AdminError;
use crate::whole_number::WholeNumber;

/// Milliseconds since 1970-01-01T00:00:00Z, in 2001 or later; null for never.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(try_from = "Option<WholeNumber>")]
#[schema(value_type = Option<i64>, format = Int64, minimum = 978307200000_i64, maximum = 9223372036854775807_i64)]
pub(crate) struct ExpiresAtMs(Expiry);

impl TryFrom<Option<WholeNumber>> for ExpiresAtMs {
    type Error = OutOfRange;

    fn try_from(number: Option<WholeNumber>) -> Result<Self, Self::Error> {
        let Some(number) = number else {
            return Ok(Self(Expiry::Never));
        };
        match i64::try_from(number.0) {
            Ok(ms) => {
                let at = Timestamp::from_plausible_unix_ms(ms)?;
                Ok(Self(Expiry::At(at)))
            }
            Err(_) => Err(OutOfRange::ExpiresAt),
        }
    }
}

/// Milliseconds from now.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(try_from = "WholeNumber")]
#[schema(value_type = i64, format = Int64, minimum = 1, maximum = 9007199254740991_i64)]
pub(crate) struct TtlMs(u64);

/// The greatest number that every JSON parser keeps to the digit: 285,000
/// years.
const MAX_TTL_MS: u64 = (1 << 53) - 1;

impl TryFrom<WholeNumber> for TtlMs {
    type Error = OutOfRange;

    fn try_from(number: WholeNumber) -> Result<Self, Self::Error> {
        match u64::try_from(number.0) {
            Ok(ms) if (1..=MAX_TTL_MS).contains(&ms) => Ok(Self(ms)),
            _ => Err(OutOfRange::Ttl),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum OutOfRange {
    #[error("expires_at_ms must be a 64-bit integer, or null for never")]
    ExpiresAt,
    #[error("expires_at_ms: {0}")]
    Implausible(#[from] ImplausibleTimestamp),
    #[error(
        "ttl_ms must be a number from 1 to {MAX_TTL_MS}; for never, write \"expires_at_ms\": null"
    )]
    Ttl,
}

/// Returns the expiry. Exactly one of the two fields must be given.
pub(crate) fn expiry(
    expires_at: Option<ExpiresAtMs>,
    ttl: Option<TtlMs>,
    now: Timestamp,
) -> Result<Expiry, AdminError> {
    match (expires_at, ttl) {
        (Some(ExpiresAtMs(expiry)), None) => Ok(expiry),
        (None, Some(TtlMs(ms))) => Ok(Expiry::At(now.saturating_add(Duration::from_millis(ms)))),
        (Some(_), Some(_)) => Err(AdminError::malformed(
            "body",
            "expires_at_ms and ttl_ms are both given; give one of them",
        )),
        (None, None) => Err(AdminError::malformed(
            "body",
            "the expiry is missing; give ttl_ms, or expires_at_ms, which is null for never",
        )),
    }
}
