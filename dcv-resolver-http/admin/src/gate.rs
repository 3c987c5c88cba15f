//! [`Gate`]: lets in whoever has a token.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use super::role::Principal;
use super::tokens::Tokens;
use dcv_resolver_core::async_trait;
use dcv_resolver_http::{
    Access, AccessRequest, AuthError, Authorize, LogThrottle, Principal as HttpPrincipal,
    Suppressed,
};

/// For how long refused requests are counted after one that is logged in full.
const WINDOW: Duration = Duration::from_secs(10);

/// Who is let in, and a word in the log about who is not.
#[derive(Debug)]
pub(super) struct Gate {
    tokens: Tokens,
    refusals: LogThrottle<()>,
}

impl Gate {
    pub(super) fn new(tokens: Tokens) -> Self {
        Self {
            tokens,
            refusals: LogThrottle::new(WINDOW, log_suppressed),
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
        if holder.is_none() && self.refusals.allows(()) {
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

fn log_suppressed((): &(), suppressed: Suppressed) {
    tracing::warn!(
        target: "dcv_resolver::admin",
        reason = "unauthorized",
        refused = suppressed.count,
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

#[async_trait]
impl Authorize for Tokens {
    async fn authorize(&self, request: &AccessRequest<'_>) -> Result<HttpPrincipal, AuthError> {
        let holder = bearer_token(request.headers).and_then(|token| self.check(token));
        let holder = holder.ok_or_else(|| {
            AuthError::Unauthorized(
                "send a token of the token file, as 'Authorization: Bearer TOKEN'".into(),
            )
        })?;
        if request.access != Access::Read && !holder.role().may_write() {
            return Err(AuthError::Forbidden(
                "this token may only look at sessions; changing them takes a read-write token"
                    .into(),
            ));
        }
        Ok(HttpPrincipal::new(holder.name()).with_role(holder.role().as_str()))
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
