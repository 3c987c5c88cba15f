//! [`PastedRequest`]: the request in what a person pastes: a session id, a
//! client's link, a gateway's URL, or a line of the log.

use std::borrow::Cow;
use std::net::IpAddr;

use dcv_resolver_core::{SessionId, Transport};
use dcv_resolver_doctor::{IdPlace, InvalidLink, Link, id_in_tail};
use dcv_resolver_http::{InvalidQuery, ResolveQuery};
use serde_json::Value;

use crate::failure::Failure;

/// A request, as far as the pasted text has it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PastedRequest {
    pub(crate) session_id: SessionId,
    pub(crate) transport: Option<Transport>,
    pub(crate) client_ip: Option<IpAddr>,
    /// Why the link does not work, even if the id is right.
    pub(crate) remark: Option<&'static str>,
}

impl PastedRequest {
    fn of(session_id: SessionId) -> Self {
        Self {
            session_id,
            transport: None,
            client_ip: None,
            remark: None,
        }
    }

    /// Reads the request from `text`.
    ///
    /// The text may hold a client's token, so a failure quotes it only if it is
    /// nothing but an id.
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        if let Some(request) = from_log(text)? {
            return Ok(request);
        }
        if let Some(url) = url_in(text) {
            return from_url(url);
        }
        if let Some(id) = id_in_tail(text) {
            return Ok(Self {
                remark: Some(
                    "the parameters beside the id were left out; in a link they come before '#', and only the id after it",
                ),
                ..Self::of(id.map_err(invalid_id)?)
            });
        }
        text.parse()
            .map(Self::of)
            .map_err(|error| Failure::setup(format!("{text:?} is not a session id: {error}")))
    }
}

/// Returns the URL in `text`: all of it, or what a command line such as that of
/// curl has between spaces or quotes.
fn url_in(text: &str) -> Option<&str> {
    let text = text.trim();
    let scheme_end = text.find("://")?;
    let before = text.get(..scheme_end)?;
    let scheme = |c: char| c.is_ascii_alphanumeric();
    let start = before.trim_end_matches(scheme).len();
    let quote = text.get(..start)?.chars().next_back();
    let url = text.get(start..)?;
    let end = match quote {
        Some(quote @ ('"' | '\'')) => url.find(quote),
        // As mail and chat programs write them.
        Some('<') => url.find('>'),
        Some('(') => url.find(')'),
        Some('“' | '„') => url.find(['”', '“']),
        Some('«') => url.find('»'),
        Some(_) => url.find(char::is_whitespace),
        // An id in a link may have spaces if a person typed it.
        None => url.find(" -").or_else(|| url.find(['\r', '\n'])),
    };
    url.get(..end.unwrap_or(url.len()))
}

fn from_url(url: &str) -> Result<PastedRequest, Failure> {
    let page = url.split('#').next().unwrap_or_default();
    let (path, query) = page.split_once('?').unwrap_or((page, ""));
    if path.ends_with("/resolveSession") || path.ends_with("/explain") {
        return from_query(query);
    }
    let link = Link::parse(url).map_err(|error| match error {
        InvalidLink::NoId => Failure::setup(
            "the link has no session id; it comes after '#', as in https://gateway.example:8443/#console",
        ),
        error => Failure::setup(format!("the pasted link is invalid: {error}")),
    })?;
    let remark = match link.place {
        IdPlace::Fragment => None,
        IdPlace::Query => Some(
            "the link has the id after '?sessionId=', which the gateway ignores; put the id after '#'",
        ),
        IdPlace::TokenInFragment => Some(
            "the link has the token after '#', so the gateway takes it for a part of the id; put the token before '#'",
        ),
        _ => Some(
            "the link has 'sessionId=' after '#', so the gateway takes all of it for the id; put only the id after '#'",
        ),
    };
    Ok(PastedRequest {
        remark,
        ..PastedRequest::of(link.session_id)
    })
}

/// Reads what the gateway sends.
fn from_query(query: &str) -> Result<PastedRequest, Failure> {
    let query = ResolveQuery::parse(Some(query)).map_err(|error| match error {
        // These quote the name of any parameter.
        InvalidQuery::PercentEncoding { .. } | InvalidQuery::Utf8 { .. } => Failure::setup(
            "the URL's query is not percent-encoded UTF-8, so the resolver answers 400",
        ),
        error => Failure::setup(format!("the resolver answers 400 to this URL: {error}")),
    })?;
    let request = query.request();
    Ok(PastedRequest {
        transport: Some(request.transport()),
        client_ip: request.client_ip(),
        ..PastedRequest::of(request.session_id().clone())
    })
}

fn invalid_id(error: impl std::error::Error) -> Failure {
    Failure::setup(format!("the id in the pasted text is invalid: {error}"))
}

/// Reads a line of this program's log, JSON or text; `None` if `text` is none.
fn from_log(text: &str) -> Result<Option<PastedRequest>, Failure> {
    let fields = match serde_json::from_str(text) {
        Ok(Value::Object(event)) => Fields::Json(event),
        _ => Fields::Text(text),
    };
    let Some(shown_id) = fields.get("session_id") else {
        return Ok(None);
    };
    let id = unescaped(&shown_id).unwrap_or(Cow::Borrowed(&shown_id));
    let request = PastedRequest::of(id.parse().map_err(invalid_id)?);
    Ok(Some(PastedRequest {
        transport: fields.get("transport").and_then(|it| it.parse().ok()),
        client_ip: fields.get("client_ip").and_then(|it| it.parse().ok()),
        ..request
    }))
}

/// The fields of an event of the log.
enum Fields<'a> {
    Json(serde_json::Map<String, Value>),
    Text(&'a str),
}

impl Fields<'_> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::Json(event) => event.get(name)?.as_str().map(Cow::Borrowed),
            Self::Text(line) => {
                let name = format!(" {name}=");
                let (_, value) = line.split_once(&name)?;
                match value.strip_prefix('"') {
                    Some(quoted) => unescaped(up_to_quote(quoted)?),
                    None => value.split(' ').next().map(Cow::Borrowed),
                }
            }
        }
    }
}

/// Returns the text before the first `"` that is not escaped.
fn up_to_quote(text: &str) -> Option<&str> {
    let mut is_escaped = false;
    let end = text.find(|c| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    })?;
    text.get(..end)
}

/// Returns the text that the log shows escaped; `None` if it was not escaped by
/// the log.
fn unescaped(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('\\') {
        return Some(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let character = match character {
            '\\' => match rest.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                'u' => {
                    let (code, after) = rest.as_str().strip_prefix('{')?.split_once('}')?;
                    rest = after.chars();
                    char::from_u32(u32::from_str_radix(code, 16).ok()?)?
                }
                itself @ ('\\' | '"' | '\'') => itself,
                _ => return None,
            },
            character => character,
        };
        plain.push(character);
    }
    Some(Cow::Owned(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_read_as_it_is_or_from_a_link() {
        for (text, id, is_good) in [
            ("console", "console", true),
            ("i-0abc#1?x", "i-0abc#1?x", true),
            (r"EXAMPLE\ann", r"EXAMPLE\ann", true),
            ("session_id=console", "session_id=console", true),
            ("console?authToken=tr0ub4dor", "console", false),
            ("console?transport=quic", "console", false),
            ("?authToken=tr0ub4dor#console", "console", false),
            (
                "gw.example:8443/?authToken=tr0ub4dor#console",
                "console",
                false,
            ),
            ("https://gw.example:8443/#console", "console", true),
            (
                "https://gw.example:8443/?authToken=tr0ub4dor#console",
                "console",
                true,
            ),
            (
                "https://gw.example:8443/?authToken=tr0ub4dor&transport=quic#console",
                "console",
                true,
            ),
            (
                "https://gw.example:8443/#ann's%20workstation",
                "ann's workstation",
                true,
            ),
            ("dcv://gw.example:8443/#a+b", "a+b", true),
            (" https://gw.example:8443/#console\n", "console", true),
            ("<https://gw.example:8443/#console", "console", true),
            ("<https://gw.example:8443/#console>", "console", true),
            ("here (https://gw.example:8443/#console)", "console", true),
            ("“https://gw.example:8443/#ann's desk”", "ann's desk", true),
            ("„https://gw.example:8443/#console“", "console", true),
            ("« https://gw.example:8443/#console »", "console", true),
            ("«https://gw.example:8443/#console»", "console", true),
            ("see\u{a0}https://gw.example:8443/#console", "console", true),
            ("open 'https://gw.example:8443/#a b'", "a b", true),
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
                "dcv://gw.example:8443/?session-id=console&authToken=tr0ub4dor",
                "console",
                false,
            ),
            ("https://gw.example/#sessionId=console", "console", false),
            (
                "https://gw.example/#console?authToken=tr0ub4dor",
                "console",
                false,
            ),
            (
                "https://gw.example/?authToken=x&sessionId=a+b%2B#",
                "a b+",
                false,
            ),
        ] {
            let asked = PastedRequest::read(text).unwrap();
            assert_eq!(asked.session_id.as_str(), id, "{text}");
            assert_eq!(asked.remark.is_none(), is_good, "{text}");
            assert_eq!(asked.transport, None, "{text}");
        }
    }

    #[test]
    fn request_of_a_gateway_is_read_with_transport_and_client() {
        let request = |id: &str, transport, client_ip: Option<&str>| PastedRequest {
            transport: Some(transport),
            client_ip: client_ip.map(|it| it.parse().unwrap()),
            ..PastedRequest::of(id.parse().unwrap())
        };
        let quic = "sessionId=a%20b&transport=QUIC&clientIpAddress=192.0.2.9%3A5123";
        for (text, expected) in [
            (
                format!("http://127.0.0.1:9000/resolveSession?{quic}"),
                request("a b", Transport::Quic, Some("192.0.2.9")),
            ),
            (
                format!("https://resolver.example/prefix/resolveSession?{quic}"),
                request("a b", Transport::Quic, Some("192.0.2.9")),
            ),
            (
                format!("http://localhost:9001/explain?{quic}"),
                request("a b", Transport::Quic, Some("192.0.2.9")),
            ),
            (
                "http://127.0.0.1:9000/resolveSession?sessionId=a".to_owned(),
                request("a", Transport::Http, None),
            ),
            (
                "http://127.0.0.1:9000/resolveSession?sessionId=a&clientIpAddress=unknown"
                    .to_owned(),
                request("a", Transport::Http, None),
            ),
            (
                format!("curl -v -X POST 'http://127.0.0.1:9000/resolveSession?{quic}' -d ''"),
                request("a b", Transport::Quic, Some("192.0.2.9")),
            ),
            (
                format!("curl -X POST http://127.0.0.1:9000/resolveSession?{quic} -v"),
                request("a b", Transport::Quic, Some("192.0.2.9")),
            ),
            (
                format!("http://127.0.0.1:9000/resolveSession?{quic} -X POST"),
                request("a b", Transport::Quic, Some("192.0.2.9")),
            ),
            (
                format!("POST \"http://127.0.0.1:9000/resolveSession?{quic}\""),
                request("a b", Transport::Quic, Some("192.0.2.9")),
            ),
        ] {
            assert_eq!(PastedRequest::read(&text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn line_of_the_log_is_read_with_transport_and_client() {
        let expected = PastedRequest {
            transport: Some(Transport::Quic),
            client_ip: Some("198.51.100.7".parse().unwrap()),
            ..PastedRequest::of("a\u{202e} \"b\"\\".parse().unwrap())
        };
        for line in [
            r#"{"level":"INFO","target":"dcv_resolver::decision","outcome":"found","session_id":"a\\u{202e} \"b\"\\\\","transport":"QUIC","client_ip":"198.51.100.7"}"#,
            r#"2026-01-02T03:04:05.000000Z  INFO dcv_resolver::decision: outcome="found" session_id="a\\u{202e} \"b\"\\\\" transport="QUIC" client_ip=198.51.100.7 status=200"#,
        ] {
            assert_eq!(PastedRequest::read(line).unwrap(), expected, "{line}");
        }
        let line = r#"{"outcome":"refused","session_id":"console"}"#;
        let request = PastedRequest::read(line).unwrap();
        assert_eq!(request, PastedRequest::of("console".parse().unwrap()));
    }

    #[test]
    fn failure_quotes_no_token() {
        for text in [
            "https://gw.example:8443/?authToken=tr0ub4dor",
            "https://gw.example:8443/?authToken=tr0ub4dor#%ff",
            "https://gw.example:8443/?authToken=tr0ub4dor#%00",
            "https://gw.example:8443/#authToken=tr0ub4dor",
            "https://tr0ub4dor@gw.example",
            "?authToken=tr0ub4dor",
            "#authToken=tr0ub4dor",
            "%ff?authToken=tr0ub4dor",
            "http://127.0.0.1:9000/resolveSession?authToken=tr0ub4dor",
            "http://127.0.0.1:9000/resolveSession?sessionId=%&authToken=tr0ub4dor",
            "http://127.0.0.1:9000/resolveSession?sessionId=a&tr0ub4dor%",
            "http://127.0.0.1:9000/resolveSession?sessionId=a&transport=quic&t=tr0ub4dor",
            r#"{"session_id":"","authToken":"tr0ub4dor"}"#,
        ] {
            let failure = PastedRequest::read(text).unwrap_err().to_string();
            assert!(!failure.contains("tr0ub4dor"), "{failure}");
        }
        assert!(PastedRequest::read("").is_err());
    }
}
