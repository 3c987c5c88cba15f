//! Lease tokens travel in a header: bodies hold records, and records are
//! stored and shown.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use dcv_resolver_core::LeaseToken;

use super::fault::Fault;

pub(super) const LEASE_TOKEN: HeaderName = HeaderName::from_static("lease-token");

/// The token that a request carries, if any.
pub(super) fn lease_token(headers: &HeaderMap) -> Result<Option<LeaseToken>, Fault> {
    let mut values = headers.get_all(LEASE_TOKEN).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(malformed("it is given more than once"));
    }
    let text = value.to_str().unwrap_or_default();
    match text.parse() {
        Ok(token) => Ok(Some(token)),
        Err(error) => Err(malformed(&format!("{error}"))),
    }
}

/// The token that a request must carry.
pub(super) fn required_lease_token(headers: &HeaderMap) -> Result<LeaseToken, Fault> {
    lease_token(headers)?.ok_or_else(|| {
        malformed("it is missing; it is the one under which the session was registered")
    })
}

fn malformed(what: &str) -> Fault {
    let name = LEASE_TOKEN;
    Fault::malformed(
        name.as_str().to_owned(),
        format!("the header {name} is not acceptable: {what}"),
    )
}

/// A token of random bytes.
pub(super) fn mint() -> Result<LeaseToken, Fault> {
    let mut bytes = [0; LeaseToken::BYTES];
    getrandom::fill(&mut bytes).map_err(Fault::NoRandomness)?;
    Ok(LeaseToken::from_bytes(bytes))
}

pub(super) fn insert_lease_token(headers: &mut HeaderMap, token: &LeaseToken) {
    // Hexadecimal digits can stand in a header.
    if let Ok(mut value) = HeaderValue::try_from(token.expose_hex()) {
        value.set_sensitive(true);
        headers.insert(LEASE_TOKEN, value);
    }
}
