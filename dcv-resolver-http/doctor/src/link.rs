//! [`Link`]: the session id in the link that a client opens.

use dcv_resolver_core::{InvalidSessionId, SessionId};
use percent_encoding::percent_decode_str;

/// A link to a gateway's web client, or for the native client.
///
/// The id comes after `#`, percent-encoded. Source: Amazon DCV User Guide, "Using
/// a connection file", and Administrator Guide, "Using external authentication".
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// The scheme, such as `https` or `dcv`.
    pub scheme: String,
    /// The host and the port, in lower case, without a user name.
    pub authority: String,
    /// The id of the session.
    pub session_id: SessionId,
    /// Where the id is.
    pub place: IdPlace,
}

/// Where a link has its session id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdPlace {
    /// After `#`, as it must be.
    Fragment,
    /// In the query, as in `?sessionId=console`, which no gateway reads.
    Query,
    /// After `#sessionId=`: the gateway takes everything after `#` for the id.
    NamedInFragment,
    /// After `#` and before a token, as in `#console?authToken=…`: a gateway
    /// takes both for the id. The token is not kept in the [`Link`].
    TokenInFragment,
}

/// An error that occurs when a string is not a link with a session id. The
/// message quotes nothing of the string, which may contain a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLink {
    /// There is no scheme.
    #[error("it has no scheme, such as https://")]
    Scheme,
    /// There is no host.
    #[error("it has no host after ://")]
    Host,
    /// There is no id.
    #[error("it has no session id")]
    NoId,
    /// There is a token in the place of the id.
    #[error("it has a token after '#', where the session id belongs")]
    OnlyToken,
    /// The percent-encoding of the id is invalid.
    #[error("the session id in it is not percent-encoded UTF-8")]
    Encoding,
    /// The id is invalid.
    #[error("the session id in it is invalid")]
    Id(#[from] InvalidSessionId),
}

impl Link {
    /// Reads a link.
    ///
    /// # Errors
    ///
    /// [`InvalidLink`], when the string has no scheme, no host or no valid
    /// session id.
    pub fn parse(text: &str) -> Result<Self, InvalidLink> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(InvalidLink::Scheme)?;
        let (page, fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let (place, query) = page.split_once('?').unwrap_or((page, ""));
        let authority = place.split('/').next().unwrap_or_default();
        let authority = authority.rsplit('@').next().unwrap_or_default();
        if authority.is_empty() {
            return Err(InvalidLink::Host);
        }
        let (encoded, place) = encoded_id(query, fragment).ok_or(InvalidLink::NoId)?;
        let decoded = decoded(&encoded).ok_or(InvalidLink::Encoding)?;
        // After decoding, since programs encode the whole fragment.
        let (id, place) = match before_token(&decoded) {
            Some("") => return Err(InvalidLink::OnlyToken),
            Some(id) => (id, IdPlace::TokenInFragment),
            None => (&*decoded, place),
        };
        Ok(Self {
            scheme: scheme.to_ascii_lowercase(),
            authority: authority.to_ascii_lowercase(),
            session_id: id.parse()?,
            place,
        })
    }

    /// Returns the host, without the port.
    #[must_use]
    pub fn host(&self) -> &str {
        let end = match self.authority.rfind(':') {
            Some(colon) if !self.authority.ends_with(']') => colon,
            _ => self.authority.len(),
        };
        self.authority.get(..end).unwrap_or_default()
    }

    /// Returns the value of the header `origin` of the page's requests: browsers
    /// leave the port of the scheme out.
    #[must_use]
    pub fn origin(&self) -> String {
        let authority = &*self.authority;
        let authority = authority.strip_suffix(":443").unwrap_or(authority);
        format!("https://{authority}")
    }
}

fn encoded_id(query: &str, fragment: &str) -> Option<(String, IdPlace)> {
    if let Some(id) = named_id(fragment.trim_start_matches(['?', '/'])) {
        return Some((id, IdPlace::NamedInFragment));
    }
    if !fragment.is_empty() {
        return Some((fragment.to_owned(), IdPlace::Fragment));
    }
    named_id(query).map(|id| (id.replace('+', " "), IdPlace::Query))
}

/// Returns the value of the parameter that names a session. No gateway defines
/// it, so any spelling occurs.
fn named_id(query: &str) -> Option<String> {
    let names_session = |key: &str| {
        key.replace(['-', '_'], "")
            .eq_ignore_ascii_case("sessionid")
    };
    let mut parameters = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, id) = parameters.find(|(key, _)| names_session(key))?;
    Some(id.to_owned())
}

/// Returns what precedes a token in `id`; `None` if there is no token in it.
pub(crate) fn before_token(id: &str) -> Option<&str> {
    let lower_case = id.to_ascii_lowercase();
    let names = ["authtoken=", "auth-token=", "auth_token="];
    let start = names
        .iter()
        .filter_map(|name| lower_case.find(name))
        .min()?;
    let before = id.get(..start)?;
    Some(before.trim_end_matches(['?', '&', ';', '#', '/', ' ']))
}

/// Decodes strictly: the usual decoders keep a stray percent sign.
pub(crate) fn decoded(encoded: &str) -> Option<String> {
    let is_escape = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !encoded.split('%').skip(1).all(is_escape) {
        return None;
    }
    let text = percent_decode_str(encoded).decode_utf8().ok()?;
    Some(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_found_wherever_people_put_it() {
        use IdPlace::{Fragment, NamedInFragment, Query};
        for (text, id, place) in [
            ("https://gw.example:8443/#console", "console", Fragment),
            (
                "dcv://gw.example:8443/?authToken=tr0ub4dor#a+b",
                "a+b",
                Fragment,
            ),
            ("https://gw.example/#ann's%20desk", "ann's desk", Fragment),
            ("https://gw.example/?sessionId=console", "console", Query),
            (
                "https://gw.example/?session-id=a+b&authToken=x#",
                "a b",
                Query,
            ),
            (
                "https://gw.example/#sessionId=console",
                "console",
                NamedInFragment,
            ),
            (
                "https://gw.example/#?sessionId=console",
                "console",
                NamedInFragment,
            ),
        ] {
            let link = Link::parse(text).unwrap();
            assert_eq!(
                (link.session_id.as_str(), link.place),
                (id, place),
                "{text}"
            );
        }
    }

    #[test]
    fn token_after_the_hash_is_no_part_of_the_id() {
        for fragment in [
            "console?authToken=tr0ub4dor",
            "console&authToken=tr0ub4dor",
            "console&Auth-Token=tr0ub4dor&x=y",
            "console?x=y&auth_token=tr0ub4dor",
            "console%3FauthToken%3Dtr0ub4dor",
            "console#authToken=tr0ub4dor",
            "sessionId=console%26authToken=tr0ub4dor",
        ] {
            let link = Link::parse(&format!("https://gw.example/#{fragment}")).unwrap();
            assert_eq!(link.place, IdPlace::TokenInFragment, "{fragment}");
            assert!(link.session_id.as_str().starts_with("console"), "{link:?}");
            assert!(!format!("{link:?}").contains("tr0ub4dor"));
        }
        let named = Link::parse("https://gw.example/#authToken=tr0ub4dor&sessionId=console");
        assert_eq!(named.unwrap().session_id.as_str(), "console");
        for fragment in ["authToken=tr0ub4dor", "?authToken=tr0ub4dor"] {
            let link = Link::parse(&format!("https://gw.example/#{fragment}"));
            assert_eq!(link, Err(InvalidLink::OnlyToken), "{fragment}");
        }
    }

    #[test]
    fn host_and_origin_are_those_that_a_browser_sends() {
        for (text, host, origin) in [
            (
                "https://GW.Example:443/#a",
                "gw.example",
                "https://gw.example",
            ),
            (
                "https://gw.example:8443/#a",
                "gw.example",
                "https://gw.example:8443",
            ),
            (
                "dcv://u:tr0ub4dor@gw.example/x#a",
                "gw.example",
                "https://gw.example",
            ),
            (
                "https://[2001:db8::1]:8443/#a",
                "[2001:db8::1]",
                "https://[2001:db8::1]:8443",
            ),
            (
                "https://[2001:db8::1]/#a",
                "[2001:db8::1]",
                "https://[2001:db8::1]",
            ),
        ] {
            let link = Link::parse(text).unwrap();
            assert_eq!(
                (link.host(), link.origin().as_str()),
                (host, origin),
                "{text}"
            );
        }
    }

    #[test]
    fn text_without_a_valid_id_is_refused() {
        for (text, expected) in [
            ("console", InvalidLink::Scheme),
            ("https:///#console", InvalidLink::Host),
            ("https://gw.example:8443/", InvalidLink::NoId),
            ("https://gw.example/?authToken=tr0ub4dor", InvalidLink::NoId),
            ("https://gw.example/#a%2", InvalidLink::Encoding),
            ("https://gw.example/#%zz", InvalidLink::Encoding),
            ("https://gw.example/#%ff", InvalidLink::Encoding),
        ] {
            assert_eq!(Link::parse(text), Err(expected), "{text}");
        }
        let invalid = Link::parse("https://gw.example/#%00");
        assert!(matches!(invalid, Err(InvalidLink::Id(_))));
    }
}
