//! [`read_answer`]: what a response says, and which rules of the contract it
//! breaks.

use dcv_resolver_core::{
    Host, InvalidWebUrlPath, ResolveRequest, SessionId, Transport, WebUrlPath,
};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, LOCATION};
use hyper::{Response, StatusCode};
use serde_json::Value;

use crate::answer::{Answer, Destination, NotFoundAnswer};
use crate::answer_error::AnswerError;
use crate::json_object::JsonObject;
use crate::problem_document::ProblemDocument;
use crate::violation::{JsonType, Violation};

const SESSION_ID: &str = "SessionId";
const TRANSPORT_PROTOCOL: &str = "TransportProtocol";
const DCV_SERVER_ENDPOINT: &str = "DcvServerEndpoint";
const PORT: &str = "Port";
const WEB_URL_PATH: &str = "WebUrlPath";

const KEYS: [&str; 5] = [
    SESSION_ID,
    TRANSPORT_PROTOCOL,
    DCV_SERVER_ENDPOINT,
    PORT,
    WEB_URL_PATH,
];

/// Returns the answer in a response to `request`.
///
/// A violation that a gateway [tolerates](Violation::is_tolerated) is tolerated
/// here too.
///
/// # Errors
///
/// [`AnswerError::Contract`], with every rule that the answer breaks, for a 200
/// that cannot be used and for a redirect. [`AnswerError::Status`] for any other
/// status but 404, and for a 404 with the reason `no_such_path`, with which
/// `dcv-resolver` reports a wrong path.
pub fn read_answer(
    request: &ResolveRequest,
    response: &Response<Bytes>,
) -> Result<Answer, AnswerError> {
    let (answer, violations) = read(request, response)?;
    let broken: Vec<_> = violations
        .into_iter()
        .filter(|violation| !violation.is_tolerated())
        .collect();
    match answer {
        Some(answer) if broken.is_empty() => Ok(answer),
        _ => Err(AnswerError::Contract(broken)),
    }
}

/// Returns every rule of the contract that a response to `request` breaks,
/// [tolerated](Violation::is_tolerated) ones too.
///
/// Only a 200 and a redirect can break a rule; for any other status, the result
/// is empty.
#[must_use]
pub fn violations(request: &ResolveRequest, response: &Response<Bytes>) -> Vec<Violation> {
    read(request, response).map_or_else(|_| Vec::new(), |(_, violations)| violations)
}

/// Returns the answer, unless a violation that is not tolerated prevents it, and
/// all violations.
fn read(
    request: &ResolveRequest,
    response: &Response<Bytes>,
) -> Result<(Option<Answer>, Vec<Violation>), AnswerError> {
    let body = response.body();
    match response.status() {
        StatusCode::OK => {
            let mut violations = Vec::new();
            let destination = destination(request, response, &mut violations);
            Ok((destination.map(Answer::Found), violations))
        }
        StatusCode::NOT_FOUND => {
            let problem = ProblemDocument::parse(body).unwrap_or_default();
            if problem.reason.as_deref() == Some("no_such_path") {
                return Err(AnswerError::Status {
                    status: StatusCode::NOT_FOUND,
                    problem: Some(problem),
                });
            }
            let not_found = NotFoundAnswer {
                reason: problem.reason,
                detail: problem.detail,
                is_html: is_html(body),
            };
            Ok((Some(Answer::NotFound(not_found)), Vec::new()))
        }
        status if status.is_redirection() => {
            let redirect = Violation::Redirect {
                status: status.as_u16(),
                location: header_text(response, LOCATION),
            };
            Ok((None, vec![redirect]))
        }
        status => Err(AnswerError::Status {
            status,
            problem: ProblemDocument::parse(body),
        }),
    }
}

fn header_text(response: &Response<Bytes>, name: hyper::header::HeaderName) -> Option<String> {
    let value = response.headers().get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn is_html(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    ["<!doctype html", "<html"].iter().any(|html| {
        let start = start.get(..html.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(html.as_bytes()))
    })
}

fn destination(
    request: &ResolveRequest,
    response: &Response<Bytes>,
    violations: &mut Vec<Violation>,
) -> Option<Destination> {
    let content_type = header_text(response, CONTENT_TYPE);
    let media_type = content_type.as_deref().and_then(|it| it.split(';').next());
    let is_json = media_type.is_some_and(|it| it.trim().eq_ignore_ascii_case("application/json"));
    if !is_json {
        violations.push(Violation::ContentType {
            found: content_type,
        });
    }

    let body = response.body();
    if body.trim_ascii().is_empty() {
        violations.push(Violation::EmptyBody);
        return None;
    }
    if is_html(body) {
        violations.push(Violation::Html);
        return None;
    }
    let value = match serde_json::from_slice::<Value>(body) {
        Ok(value) => value,
        Err(error) => {
            let reason = error.to_string();
            violations.push(Violation::NotJson { reason });
            return None;
        }
    };
    let Ok(JsonObject(members)) = serde_json::from_slice(body) else {
        let found = json_type(&value);
        violations.push(Violation::NotAnObject { found });
        return None;
    };

    let mut reader = Reader {
        members,
        violations,
    };
    reader.report_other_keys();
    let session_id = reader.session_id();
    let transport = reader.transport(request.transport());
    let host = reader.host();
    let port = reader.port();
    let web_url_path = reader.web_url_path();
    Some(Destination {
        session_id: session_id?,
        transport: transport?,
        host: host?,
        port: port?,
        web_url_path: web_url_path?,
    })
}

/// Reads the members, and collects what is wrong with them.
struct Reader<'a> {
    members: Vec<(String, Value)>,
    violations: &'a mut Vec<Violation>,
}

impl Reader<'_> {
    /// Reports keys besides the five. A misspelled one is reported where it is
    /// missing.
    fn report_other_keys(&mut self) {
        for (key, _) in &self.members {
            if !KEYS.iter().any(|it| it == key || is_misspelled(it, key)) {
                let key = key.clone();
                self.violations.push(Violation::AdditionalKey { key });
            }
        }
    }

    fn session_id(&mut self) -> Option<SessionId> {
        let text = self.string(SESSION_ID)?;
        let id = SessionId::new(text);
        id.map_err(|reason| self.violations.push(Violation::InvalidSessionId { reason }))
            .ok()
    }

    fn transport(&mut self, asked: Transport) -> Option<Transport> {
        let found = self.string(TRANSPORT_PROTOCOL)?;
        if found == asked.as_str() {
            return Some(asked);
        }
        self.violations
            .push(Violation::OtherTransport { asked, found });
        None
    }

    fn host(&mut self) -> Option<Host> {
        let found = self.string(DCV_SERVER_ENDPOINT)?;
        let host = Host::new(&found);
        host.map_err(|reason| {
            self.violations
                .push(Violation::InvalidHost { found, reason });
        })
        .ok()
    }

    fn port(&mut self) -> Option<u16> {
        let number = match self.value(PORT)? {
            Value::Number(number) => number,
            other => return self.wrong_type(PORT, JsonType::Number, &other),
        };
        let port = number.as_u64().and_then(|port| u16::try_from(port).ok());
        match port {
            Some(port @ 1..) => Some(port),
            _ => {
                let found = number.to_string();
                self.violations.push(Violation::InvalidPort { found });
                None
            }
        }
    }

    fn web_url_path(&mut self) -> Option<WebUrlPath> {
        let found = self.string(WEB_URL_PATH)?;
        if found.is_empty() {
            self.violations.push(Violation::EmptyWebUrlPath);
        }
        let path: Result<WebUrlPath, InvalidWebUrlPath> = WebUrlPath::new(&found);
        path.map_err(|reason| {
            self.violations
                .push(Violation::InvalidWebUrlPath { found, reason });
        })
        .ok()
    }

    fn string(&mut self, key: &'static str) -> Option<String> {
        match self.value(key)? {
            Value::String(text) => Some(text),
            other => self.wrong_type(key, JsonType::String, &other),
        }
    }

    /// Returns the value of a key that occurs once and is not null.
    fn value(&mut self, key: &'static str) -> Option<Value> {
        let mut values = self.members.iter().filter(|(name, _)| name == key);
        let first = values.next().map(|(_, value)| value.clone());
        if values.next().is_some() {
            self.violations.push(Violation::DuplicateKey { key });
            return None;
        }
        match first {
            Some(Value::Null) => self.violations.push(Violation::Null { key }),
            Some(value) => return Some(value),
            None => {
                let mut names = self.members.iter().map(|(name, _)| name);
                let found = names.find(|name| is_misspelled(key, name)).cloned();
                self.violations.push(match found {
                    Some(found) => Violation::MisspelledKey { key, found },
                    None => Violation::MissingKey { key },
                });
            }
        }
        None
    }

    fn wrong_type<T>(&mut self, key: &'static str, expected: JsonType, found: &Value) -> Option<T> {
        self.violations.push(Violation::WrongType {
            key,
            expected,
            found: json_type(found),
        });
        None
    }
}

/// Returns whether `found` is another spelling of `key`, such as `session_id` of
/// `SessionId`.
fn is_misspelled(key: &str, found: &str) -> bool {
    let letters = found.chars().filter(|letter| !matches!(letter, '_' | '-'));
    found != key && letters.collect::<String>().eq_ignore_ascii_case(key)
}

fn json_type(value: &Value) -> JsonType {
    match value {
        Value::Null => JsonType::Null,
        Value::Bool(_) => JsonType::Boolean,
        Value::Number(_) => JsonType::Number,
        Value::String(_) => JsonType::String,
        Value::Array(_) => JsonType::Array,
        Value::Object(_) => JsonType::Object,
    }
}
