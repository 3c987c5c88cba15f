//! The session id in what people paste: an id, or the whole link.

use dcv_resolver_core::SessionId;
use percent_encoding::percent_decode_str;

use crate::failure::Failure;

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) session_id: SessionId,
    /// What is wrong with the link itself, whatever becomes of the id.
    pub(crate) remark: Option<&'static str>,
}

/// The id, out of a link where `text` is one.
///
/// A link may hold the client's token, so a failure quotes none of it.
pub(crate) fn parse(text: &str) -> Result<Asked, Failure> {
    let Some((_, link)) = text.split_once("://") else {
        let session_id = text
            .parse()
            .map_err(|error| Failure::setup(format!("{text:?} is no session id: {error}")))?;
        return Ok(Asked {
            session_id,
            remark: None,
        });
    };
    let (page, fragment) = link.split_once('#').unwrap_or((link, ""));
    if !fragment.is_empty() {
        return asked(fragment, None);
    }
    let query = page.split_once('?').map_or("", |(_, query)| query);
    // Whoever writes it here spells it in any way.
    let names_session = |key: &str| {
        key.replace(['-', '_'], "")
            .eq_ignore_ascii_case("sessionid")
    };
    let mut parameters = query.split('&').filter_map(|pair| pair.split_once('='));
    match parameters.find(|(key, _)| names_session(key)) {
        Some((_, id)) => asked(
            &id.replace('+', " "),
            Some(
                "the link has the id behind '?sessionId=', where the gateway never sees it and asks for no session; the id belongs behind '#'",
            ),
        ),
        None => Err(Failure::setup(
            "the link names no session: the id stands behind '#', as in https://gateway.example:8443/#console",
        )),
    }
}

fn asked(encoded: &str, remark: Option<&'static str>) -> Result<Asked, Failure> {
    let refused = |error: String| Failure::setup(format!("the id in the link is none: {error}"));
    let id = percent_decode_str(encoded)
        .decode_utf8()
        .map_err(|error| refused(error.to_string()))?;
    let session_id = id
        .parse()
        .map_err(|error: dcv_resolver_core::InvalidSessionId| refused(error.to_string()))?;
    Ok(Asked { session_id, remark })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_as_it_is_or_out_of_a_link() {
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
    fn a_link_without_an_id_is_told_without_its_token() {
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
