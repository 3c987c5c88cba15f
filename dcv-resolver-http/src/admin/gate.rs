//! [`Gate`]: lets in whoever has a token.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use super::role::Principal;
use super::tokens::Tokens;
use crate::ops::{self, Guard};
use crate::refusals::Refusals;

/// Who is let in, and a word in the log about who is not.
#[derive(Debug)]
pub(super) struct Gate {
    tokens: Tokens,
    refusals: Refusals,
}

impl Gate {
    pub(super) fn new(tokens: Tokens) -> Self {
        Self {
            tokens,
            refusals: Refusals::new(tell_count),
        }
    }

    /// Whose token the request carries; `None`, and a warning, where it has
    /// none that is good.
    pub(super) fn holder(
        &self,
        headers: &HeaderMap,
        caller_ip: Option<IpAddr>,
        request_id: &str,
    ) -> Option<Principal> {
        let token = bearer_token(headers);
        let holder = token.and_then(|token| self.tokens.check(token));
        let is_refused = holder.is_none();
        if self.refusals.is_to_be_logged(is_refused) && is_refused {
            tracing::warn!(
                target: "dcv_resolver::admin",
                reason = "unauthorized",
                caller_ip = caller_ip.map(tracing::field::display),
                request_id,
                "{}",
                if token.is_some() {
                    "a request was refused: its token is none of the token file"
                } else {
                    "a request was refused: it carries no bearer token"
                },
            );
        }
        holder
    }
}

fn tell_count(refused: u64) {
    tracing::warn!(
        target: "dcv_resolver::admin",
        reason = "unauthorized",
        refused,
        "more requests were refused: their tokens are missing or none of the token file",
    );
}

/// The token of the one `Authorization` header, if it has the form `Bearer
/// TOKEN`; of two, which is meant would be a guess.
fn bearer_token(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.as_bytes();
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_at_checked("Bearer".len())?;
    let token = token.strip_prefix(b" ")?.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer") && !token.is_empty()).then_some(token)
}

/// Whoever has a token, of either role, may ask for an explanation.
impl Guard for Tokens {
    fn admit(&self, headers: &HeaderMap, _: Option<SocketAddr>) -> Result<Arc<str>, ops::Refused> {
        bearer_token(headers)
            .and_then(|token| self.check(token))
            .map(|holder| holder.name().into())
            .ok_or_else(|| {
                ops::Refused::Unauthorized(
                    "a bearer token of the token file is needed, as 'Authorization: Bearer TOKEN'"
                        .into(),
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn of(values: &[&'static str]) -> Option<Vec<u8>> {
        let headers = values
            .iter()
            .map(|value| (AUTHORIZATION, HeaderValue::from_static(value)));
        bearer_token(&headers.collect()).map(<[u8]>::to_vec)
    }

    #[test]
    fn one_bearer_token_is_taken() {
        for value in ["Bearer tr0ub4dor", "bearer tr0ub4dor", "BEARER  tr0ub4dor"] {
            assert_eq!(of(&[value]).unwrap(), b"tr0ub4dor");
        }
    }

    #[test]
    fn anything_else_is_no_token() {
        for values in [
            &[][..],
            &[""],
            &["Bearer"],
            &["Bearer "],
            &["Bearertr0ub4dor"],
            &["Basic tr0ub4dor"],
            &["tr0ub4dor"],
            &["Bearer tr0ub4dor", "Bearer tr0ub4dor"],
        ] {
            assert_eq!(of(values), None, "{values:?}");
        }
    }
}
