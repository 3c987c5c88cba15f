//! Parses a session id, or a client's whole link.

use dcv_resolver_core::SessionId;
use percent_encoding::percent_decode_str;

use crate::failure::Failure;

/// A session id, and what is wrong with its link.
#[derive(Debug)]
pub(crate) struct RequestedId {
    pub(crate) session_id: SessionId,
    /// Why the link does not work, even if the id is right.
    pub(crate) remark: Option<&'static str>,
}

/// Returns the id, taken from the link if `text` is one.
///
/// A link may hold the client's token, so a failure quotes none of it.
pub(crate) fn parse(text: &str) -> Result<RequestedId, Failure> {
    let Some((_, link)) = text.split_once("://") else {
        let session_id = text
            .parse()
            .map_err(|error| Failure::setup(format!("{text:?} is not a session id: {error}")))?;
        return Ok(RequestedId {
            session_id,
            remark: None,
        });
    };
    let (page, fragment) = link.split_once('#').unwrap_or((link, ""));
    if !fragment.is_empty() {
        return requested_id(fragment, None);
    }
    let query = page.split_once('?').map_or("", |(_, query)| query);
    // The gateway does not define this parameter, so any spelling occurs.
    let names_session = |key: &str| {
        key.replace(['-', '_'], "")
            .eq_ignore_ascii_case("sessionid")
    };
    let mut parameters = query.split('&').filter_map(|pair| pair.split_once('='));
    match parameters.find(|(key, _)| names_session(key)) {
        Some((_, id)) => requested_id(
            &id.replace('+', " "),
            Some(
                "the link has the id after '?sessionId=', which the gateway ignores; put the id after '#'",
            ),
        ),
        None => Err(Failure::setup(
            "the link has no session id; it comes after '#', as in https://gateway.example:8443/#console",
        )),
    }
}

fn requested_id(encoded: &str, remark: Option<&'static str>) -> Result<RequestedId, Failure> {
    let refused = |error: String| Failure::setup(format!("the id in the link is invalid: {error}"));
    let id = percent_decode_str(encoded)
        .decode_utf8()
        .map_err(|error| refused(error.to_string()))?;
    let session_id = id
        .parse()
        .map_err(|error: dcv_resolver_core::InvalidSessionId| refused(error.to_string()))?;
    Ok(RequestedId { session_id, remark })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_read_as_it_is_or_from_a_link() {
        for (text, id, is_good) in [
            ("console", "console", true),
            ("i-0abc#1?x", "i-0abc#1?x", true),
            ("https://gw.example:8443/#console", "console", true),
            (
                "https://gw.example:8443/?authToken=tr0ub4dor#console",
                "console",
                true,
            ),
            (
                "https://gw.example:8443/#ann's%20workstation",
                "ann's workstation",
                true,
            ),
            ("dcv://gw.example:8443/#a+b", "a+b", true),
            (
                "https://gw.example:8443/?sessionId=console",
                "console",
                false,
            ),
            (
                "https://gw.example:8443/?x&Session-ID=console",
                "console",
                false,
            ),
            (
                "https://gw.example/?authToken=x&sessionId=a+b%2B#",
                "a b+",
                false,
            ),
        ] {
            let asked = parse(text).unwrap();
            assert_eq!(asked.session_id.as_str(), id, "{text}");
            assert_eq!(asked.remark.is_none(), is_good, "{text}");
        }
    }

    #[test]
    fn link_without_an_id_is_reported_without_its_token() {
        for text in [
            "https://gw.example:8443/?authToken=tr0ub4dor",
            "https://gw.example:8443/?authToken=tr0ub4dor#%ff",
            "https://gw.example:8443/?authToken=tr0ub4dor#%00",
            "https://tr0ub4dor@gw.example",
        ] {
            let failure = parse(text).unwrap_err().to_string();
            assert!(failure.contains("link"), "{failure}");
            assert!(!failure.contains("tr0ub4dor"), "{failure}");
        }
        assert!(parse("").is_err());
    }
}
