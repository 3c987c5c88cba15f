//! The link that a client opens: is the id where the gateway gets it from?

use dcv_resolver_core::SessionId;
use dcv_resolver_core::escape::escaped;

use crate::hop::{Hop, HopKind};
use crate::link::{IdPlace, InvalidLink, Link};

const MAX_ID_BYTES: usize = 256;

/// Checks the link. An id in the wrong place is still returned with it, so that
/// the other hops can be checked.
pub(crate) fn check(text: &str, session: Option<&SessionId>) -> (Vec<Hop>, Option<Link>) {
    let link = match Link::parse(text) {
        Ok(link) => link,
        Err(error) => return (vec![invalid(&error)], None),
    };
    let id = escaped(link.session_id.as_str(), MAX_ID_BYTES);
    let authority = escaped(&link.authority, MAX_ID_BYTES);
    let write = format!("write https://{authority}/#{id}");
    let mut hops = Vec::new();
    match link.place {
        IdPlace::Query => hops.push(Hop::fail(
            HopKind::Link,
            "the link has the session id after '?sessionId=', which the gateway ignores",
            format!("put the id after '#': {write}"),
        )),
        IdPlace::NamedInFragment => hops.push(Hop::fail(
            HopKind::Link,
            "the link has 'sessionId=' after '#', so the gateway takes all of it for the id",
            format!("put only the id after '#': {write}"),
        )),
        IdPlace::TokenInFragment => hops.push(Hop::fail(
            HopKind::Link,
            "the link has the token after '#', so the gateway takes it for a part of the id",
            format!("put the token before '#': write https://{authority}/?authToken=…#{id}"),
        )),
        IdPlace::Fragment => {}
    }
    if link.scheme == "http" {
        hops.push(Hop::fail(
            HopKind::Link,
            "the link starts with http://, but the gateway serves only TLS",
            "start it with https://",
        ));
    } else if !matches!(link.scheme.as_str(), "https" | "dcv") {
        hops.push(Hop::fail(
            HopKind::Link,
            "the link starts with neither https:// nor dcv://",
            "start it with https:// for browsers, dcv:// for the native client",
        ));
    }
    if is_encoded_twice(link.session_id.as_str()) {
        hops.push(Hop::warn(
            HopKind::Link,
            format!("the id {id:?} looks as if it were percent-encoded twice"),
            "encode it once",
        ));
    }
    if let Some(session) = session.filter(|session| **session != link.session_id) {
        hops.push(Hop::warn(
            HopKind::Link,
            format!("the link is for session {id:?}, but --session is another one"),
            format!("check --session: the resolver is asked for {session:?}"),
        ));
    }
    if hops.is_empty() {
        let detail = format!("session {id:?} at {authority}");
        hops.push(Hop::ok(HopKind::Link, detail));
    }
    (hops, Some(link))
}

fn invalid(error: &InvalidLink) -> Hop {
    let cause = match error {
        InvalidLink::NoId => "the link has no session id".to_owned(),
        error => format!("the link is invalid: {error}"),
    };
    let change = match error {
        InvalidLink::Encoding => {
            "percent-encode the UTF-8 text of the id after '#', a '%' in it as %25"
        }
        InvalidLink::OnlyToken => {
            "put the token before '#' and the id after it, as in https://gateway.example:8443/?authToken=…#console"
        }
        _ => "put the id after '#', as in https://gateway.example:8443/#console",
    };
    Hop::fail(HopKind::Link, cause, change)
}

/// Returns whether a decoded id still has an escape in it.
fn is_encoded_twice(id: &str) -> bool {
    let is_escape = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    id.split('%').skip(1).any(is_escape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hop::Status;

    fn only(link: &str) -> Hop {
        let (mut hops, _) = check(link, None);
        assert_eq!(hops.len(), 1, "{hops:?}");
        hops.remove(0)
    }

    #[test]
    fn link_with_the_id_after_the_hash_is_right() {
        let hop = only("https://gw.example:8443/?authToken=tr0ub4dor#console");
        assert_eq!(hop.status, Status::Ok);
        assert_eq!(hop.detail, r#"session "console" at gw.example:8443"#);
    }

    #[test]
    fn problem_of_a_link_is_named_without_its_token() {
        for (link, cause, change) in [
            (
                "https://gw.example:8443/?sessionId=console&authToken=tr0ub4dor",
                "after '?sessionId='",
                "https://gw.example:8443/#console",
            ),
            (
                "https://gw.example/?authToken=tr0ub4dor#sessionId=console",
                "has 'sessionId=' after '#'",
                "https://gw.example/#console",
            ),
            (
                "https://gw.example/?authToken=tr0ub4dor",
                "no session id",
                "after '#'",
            ),
            (
                "https://gw.example/?authToken=tr0ub4dor#50%",
                "percent-encoded",
                "%25",
            ),
            (
                "http://gw.example/?authToken=tr0ub4dor#console",
                "http://",
                "https://",
            ),
            (
                "https://GW.example:8443/#console?authToken=tr0ub4dor",
                "has the token after '#'",
                "https://gw.example:8443/?authToken=…#console",
            ),
            (
                "https://gw.example/#authToken=tr0ub4dor",
                "has a token after '#'",
                "?authToken=…#console",
            ),
            ("tr0ub4dor", "no scheme", "https://gateway.example"),
        ] {
            let hop = only(link);
            assert_eq!(hop.status, Status::Fail, "{link}");
            let finding = hop.finding.unwrap();
            assert!(finding.cause.contains(cause), "{}", finding.cause);
            assert!(finding.change.contains(change), "{}", finding.change);
            assert!(!finding.to_string().contains("tr0ub4dor"), "{finding}");
        }
    }

    #[test]
    fn id_that_is_encoded_twice_is_a_warning() {
        let hop = only("https://gw.example/#ann%2520desk");
        assert_eq!(hop.status, Status::Warn);
        assert!(hop.detail.contains("twice"), "{}", hop.detail);
    }

    #[test]
    fn another_session_than_that_of_the_link_is_a_warning() {
        let other = "other".parse().unwrap();
        let (hops, link) = check("https://gw.example/#console", Some(&other));
        assert_eq!(hops[0].status, Status::Warn);
        assert_eq!(link.unwrap().session_id.as_str(), "console");
    }
}
