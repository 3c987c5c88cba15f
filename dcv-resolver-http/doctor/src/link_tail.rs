//! [`id_in_tail`]: the session id in the end of a link, which people copy without
//! its scheme.

use dcv_resolver_core::SessionId;

use crate::link::{InvalidLink, Link, before_token, decoded};

/// Returns the session id in a link without its scheme, such as
/// `console?authToken=…`; `None` if `text` has neither a token nor another parameter,
/// so that all of it may be an id.
///
/// The parameters are not part of the id, wherever they are.
///
/// ```
/// use dcv_resolver_doctor::id_in_tail;
///
/// let id = id_in_tail("console?authToken=secret").ok_or("a tail")??;
/// assert_eq!(id.as_str(), "console");
/// assert!(id_in_tail("console").is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// When there is no valid id. The error quotes nothing of the text.
#[must_use]
pub fn id_in_tail(text: &str) -> Option<Result<SessionId, InvalidLink>> {
    let text = text.trim();
    if !has_parameter(text) {
        return None;
    }
    let is_query_first = text.starts_with('?')
        || text
            .split_once('#')
            .is_some_and(|(page, _)| has_parameter(page) || page.ends_with('/'));
    let link = if is_query_first {
        format!("https://gateway/{text}")
    } else {
        format!("https://gateway/#{}", text.trim_start_matches('#'))
    };
    Some(Link::parse(&link).and_then(|link| {
        let id = link.session_id.as_str();
        match id.split_once('?') {
            Some(("", _)) => Err(InvalidLink::NoId),
            Some((before, query)) if query.contains('=') => Ok(before.parse()?),
            _ => Ok(link.session_id),
        }
    }))
}

fn has_parameter(text: &str) -> bool {
    let decoded = decoded(text);
    let text = decoded.as_deref().unwrap_or(text);
    let query = text.split_once('?').map(|(_, query)| query);
    before_token(text).is_some() || query.is_some_and(|query| query.contains('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_no_part_of_the_id() {
        for text in [
            "console?authToken=tr0ub4dor",
            " console&authToken=tr0ub4dor\n",
            "console#authToken=tr0ub4dor",
            "#console?authToken=tr0ub4dor",
            "console%3FauthToken%3Dtr0ub4dor",
            "console?t=tr0ub4dor",
            "?authToken=tr0ub4dor#console",
            "?authToken=tr0ub4dor#console?t=tr0ub4dor",
            "?sessionId=console&authToken=tr0ub4dor",
            "gw.example:8443/?authToken=tr0ub4dor#console",
            "gw.example:8443/#console?authToken=tr0ub4dor",
        ] {
            let id = id_in_tail(text).unwrap().unwrap();
            assert_eq!(id.as_str(), "console", "{text}");
        }
    }

    #[test]
    fn text_without_an_id_is_refused_and_not_quoted() {
        for text in [
            "authToken=tr0ub4dor",
            "?authToken=tr0ub4dor",
            "?authToken=tr0ub4dor#",
            "#?t=tr0ub4dor",
            "a%ff?authToken=tr0ub4dor",
        ] {
            let error = id_in_tail(text).unwrap().unwrap_err();
            assert!(!error.to_string().contains("tr0ub4dor"), "{error}");
        }
    }

    #[test]
    fn text_without_parameters_may_be_an_id() {
        for text in [
            "console",
            "i-0abc#1?x",
            r"EXAMPLE\ann",
            "session_id=a",
            "50%",
        ] {
            assert_eq!(id_in_tail(text), None, "{text}");
        }
    }
}
