//! [`Renewal`] and [`Renewed`]: the bodies of a renewal.

use dcv_resolver_core::{Expiry, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin_error::AdminError;
use crate::expiry_fields::{ExpiresAtMs, TtlMs, expiry};
use crate::optional_field::given;

/// When the session expires: exactly one of the two is given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Renewal {
    /// When the session expires, in milliseconds since 1970-01-01T00:00:00Z;
    /// null for never.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = ExpiresAtMs, required = false)]
    expires_at_ms: Option<ExpiresAtMs>,
    /// In how many milliseconds the session expires.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = TtlMs, required = false)]
    ttl_ms: Option<TtlMs>,
}

/// When the session expires now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Renewed {
    #[schema(value_type = ExpiresAtMs)]
    pub(crate) expires_at_ms: Expiry,
}

impl Renewal {
    pub(crate) fn expiry(&self, now: Timestamp) -> Result<Expiry, AdminError> {
        expiry(self.expires_at_ms, self.ttl_ms, now)
    }
}
