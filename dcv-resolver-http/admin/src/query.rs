//! Reads query strings as strictly as that of a resolve request, and refuses
//! parameters that it does not know.

use std::borrow::Cow;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use dcv_resolver_core::escape::escaped;
use dcv_resolver_http::percent::decode_query;

use crate::admin_error::AdminError;

/// The longest part of a parameter's name that is quoted.
const MAX_QUOTED_BYTES: usize = 64;

/// The query of an operation that has no parameters.
#[derive(Debug)]
pub(crate) struct NoQuery;

impl<S: Sync> FromRequestParts<S> for NoQuery {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AdminError> {
        match pairs(parts.uri.query())?.first() {
            None => Ok(Self),
            Some((name, _)) => Err(unknown(name, "this operation has none")),
        }
    }
}

pub(crate) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Returns the names and values of a query string.
pub(crate) fn pairs(raw: Option<&str>) -> Result<Vec<Pair<'_>>, AdminError> {
    let pairs = raw.unwrap_or_default().split('&');
    pairs
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = |text| {
                decode_query(text).map_err(|_| {
                    let detail = "the query is not percent-encoded UTF-8";
                    AdminError::malformed(quoted(name), detail)
                })
            };
            Ok((decoded(name)?, decoded(value)?))
        })
        .collect()
}

/// Refuses a parameter that is not `known`.
pub(crate) fn unknown(name: &str, known: &str) -> AdminError {
    let name = quoted(name);
    let detail = format!("unknown query parameter \"{name}\"; {known}");
    AdminError::malformed(name, detail)
}

/// Stores the value of a parameter that may be given once.
pub(crate) fn put_once<T>(
    name: &'static str,
    slot: &mut Option<T>,
    value: T,
) -> Result<(), AdminError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(AdminError::malformed(
            name,
            format!("{name} is given more than once; give it once"),
        )),
    }
}

fn quoted(name: &str) -> String {
    escaped(name, MAX_QUOTED_BYTES).into_owned()
}
