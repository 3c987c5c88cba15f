//! The bearer token in the header `Authorization`.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

/// Returns the token of the one `Authorization` header, if it has the form
/// `Bearer TOKEN`. Two headers are ambiguous and yield none.
pub(crate) fn bearer_token(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.as_bytes();
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_at_checked("Bearer".len())?;
    let token = token.strip_prefix(b" ")?.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer") && !token.is_empty()).then_some(token)
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
    fn one_bearer_token_is_returned() {
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
