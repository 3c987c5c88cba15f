//! The header `lease-token`. Lease tokens travel in a header, because bodies
//! hold records, and records are stored and shown.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use dcv_resolver_core::LeaseToken;

pub(crate) const LEASE_TOKEN: HeaderName = HeaderName::from_static("lease-token");

#[expect(clippy::expect_used, reason = "hexadecimal digits are a header value")]
pub(crate) fn insert(headers: &mut HeaderMap, token: &LeaseToken) {
    let mut value =
        HeaderValue::try_from(token.expose_hex()).expect("hexadecimal digits are a header value");
    value.set_sensitive(true);
    headers.insert(LEASE_TOKEN, value);
}
