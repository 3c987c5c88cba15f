//! [`Gate`]: lets in whoever has a token.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use tokio::time::Instant;

use super::role::TokenHolder;
use super::tokens::Tokens;
use crate::ops::{self, Guard};

/// How long refusals are counted after one that is logged in full.
const WINDOW: Duration = Duration::from_secs(10);

/// Who is let in, and a word in the log about who is not.
///
/// The first refusal is logged in full and opens a window; those within the
/// window are counted, and are one line when it is over. No task waits for
/// that: the next request sees to it, whatever it is, or the end of the gate.
#[derive(Debug)]
pub(super) struct Gate {
    tokens: Tokens,
    refused: Mutex<Refused>,
}

#[derive(Debug, Default)]
struct Refused {
    window_opened: Option<Instant>,
    count: u64,
}

impl Gate {
    pub(super) fn new(tokens: Tokens) -> Self {
        Self {
            tokens,
            refused: Mutex::default(),
        }
    }

    /// Whose token the request carries; `None`, and a warning, where it has
    /// none that is good.
    pub(super) fn holder(
        &self,
        headers: &HeaderMap,
        caller_ip: Option<IpAddr>,
        request_id: &str,
    ) -> Option<TokenHolder> {
        let token = bearer_token(headers);
        let holder = token.and_then(|token| self.tokens.check(token));

        let now = Instant::now();
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let folded = refused.close_window(now);
        let is_first = holder.is_none() && refused.is_first(now);
        drop(refused);

        tell_folded(folded);
        if is_first {
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

impl Refused {
    /// How many refusals a window that is over has folded.
    fn close_window(&mut self, now: Instant) -> u64 {
        if self
            .window_opened
            .is_none_or(|opened| now - opened < WINDOW)
        {
            return 0;
        }
        self.window_opened = None;
        std::mem::take(&mut self.count)
    }

    /// Counts a refusal; whether it is the first of a window.
    fn is_first(&mut self, now: Instant) -> bool {
        let is_first = self.window_opened.is_none();
        if is_first {
            self.window_opened = Some(now);
        } else {
            self.count += 1;
        }
        is_first
    }
}

fn tell_folded(count: u64) {
    if count > 0 {
        tracing::warn!(
            target: "dcv_resolver::admin",
            reason = "unauthorized",
            refused = count,
            "more requests were refused: their tokens are missing or none of the token file",
        );
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let refused = self
            .refused
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        tell_folded(refused.count);
    }
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
