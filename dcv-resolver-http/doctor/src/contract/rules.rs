//! The rules that one request shows.

use super::breach::Level::{self, Must, Should};
use super::probe::{Probe, ProbeMethod};

/// A rule, and a request that shows whether it is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) level: Level,
    pub(super) requirement: &'static str,
    pub(super) probe: Probe,
    pub(super) expected: Expected,
}

/// What a rule expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// 200 with the same destination as for the first request.
    SameDestination,
    /// 404.
    NotFound,
    /// 400.
    Malformed,
    /// 405 with `Allow: POST`.
    MethodNotAllowed,
    /// A header with exactly this value.
    Header(&'static str, &'static str),
    /// A header with any value.
    AnyHeader(&'static str),
    /// A problem document of RFC 9457.
    ProblemDocument,
}

impl Expected {
    pub(super) fn as_sentence(self) -> String {
        match self {
            Self::SameDestination => "200 with the session's destination".to_owned(),
            Self::NotFound => "404".to_owned(),
            Self::Malformed => "400".to_owned(),
            Self::MethodNotAllowed => "405 with the header allow: POST".to_owned(),
            Self::Header(name, value) => format!("the header {name}: {value}"),
            Self::AnyHeader(name) => format!("a header {name}"),
            Self::ProblemDocument => {
                "application/problem+json with the status as a member (RFC 9457)".to_owned()
            }
        }
    }
}

const fn rule(
    name: &'static str,
    level: Level,
    requirement: &'static str,
    probe: Probe,
    expected: Expected,
) -> Rule {
    Rule {
        name,
        level,
        requirement,
        probe,
        expected,
    }
}

const ABSENT_IP: &str = "clientIpAddress may be left out: a gateway may not know it";
const ANY_IP: &str =
    "a clientIpAddress that is not an address is not an error: the parameter is advisory";
const IPV6: &str = "clientIpAddress may be an IPv6 address";
const REPEATABLE: &str = "asking again gets the same answer: one login asks several times";
const UNKNOWN: &str = "an unknown session is answered with 404: no other status means not found";
const NO_TRANSPORT: &str = "transport is HTTP if it is left out";
const TRANSPORT: &str = "a transport other than HTTP and QUIC is malformed";
const SESSION_ID: &str = "sessionId is required and must not be empty";
const TWICE: &str = "a parameter that is given twice is malformed, since two readings are possible";
const ENCODING: &str = "invalid percent-encoding is malformed";
const CONTROL: &str =
    "an id with control characters is malformed, so that they cannot get into a log";
const LENGTH: &str = "an id has at most 256 bytes";
const EXACT: &str = "ids are compared exactly: capitals and spaces count";
const UNKNOWN_PARAMETER: &str = "unknown parameters are ignored: a later gateway may send some";
const BODY: &str = "the body is ignored: all parameters are in the query";
const PATH: &str = "/resolveSession is answered below any prefix, without redirects";
const METHOD: &str = "only POST is allowed";
const NOT_STORED: &str = "answers are not stored by caches in between";
const REQUEST_ID: &str = "x-request-id is echoed or created, so that a request is found in logs";
const PROBLEM: &str = "errors are problem documents, so that people learn the reason";

/// In the order in which they are checked.
#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    rule("client_ip_absent", Must, ABSENT_IP, Probe::post("/resolveSession?sessionId={id}&transport=HTTP"), Expected::SameDestination),
    rule("client_ip_v6", Must, IPV6, Probe::post("/resolveSession?sessionId={id}&transport=HTTP&clientIpAddress=2001%3Adb8%3A%3A1"), Expected::SameDestination),
    rule("client_ip_v6", Must, IPV6, Probe::post("/resolveSession?sessionId={id}&transport=HTTP&clientIpAddress=%3A%3Affff%3A192.0.2.7"), Expected::SameDestination),
    rule("repeatable", Must, REPEATABLE, Probe::post("/resolveSession?sessionId={id}&transport=HTTP&clientIpAddress={ip}"), Expected::SameDestination),
    rule("unknown_session", Must, UNKNOWN, Probe::post("/resolveSession?sessionId=contract-check-no-such-session&transport=HTTP&clientIpAddress={ip}"), Expected::NotFound),
    rule("unknown_session", Must, UNKNOWN, Probe::post("/resolveSession?sessionId=contract-check-no-such-session&transport=QUIC&clientIpAddress={ip}"), Expected::NotFound),
    rule("client_ip_invalid", Should, ANY_IP, Probe::post("/resolveSession?sessionId={id}&transport=HTTP&clientIpAddress=unknown"), Expected::SameDestination),
    rule("client_ip_invalid", Should, ANY_IP, Probe::post("/resolveSession?sessionId={id}&transport=HTTP&clientIpAddress="), Expected::SameDestination),
    rule("transport_absent", Should, NO_TRANSPORT, Probe::post("/resolveSession?sessionId={id}&clientIpAddress={ip}"), Expected::SameDestination),
    rule("transport_invalid", Should, TRANSPORT, Probe::post("/resolveSession?sessionId={id}&transport=http&clientIpAddress={ip}"), Expected::Malformed),
    rule("transport_invalid", Should, TRANSPORT, Probe::post("/resolveSession?sessionId={id}&transport=WEBSOCKET&clientIpAddress={ip}"), Expected::Malformed),
    rule("transport_invalid", Should, TRANSPORT, Probe::post("/resolveSession?sessionId={id}&transport=&clientIpAddress={ip}"), Expected::Malformed),
    rule("session_id_required", Should, SESSION_ID, Probe::post("/resolveSession?transport=HTTP&clientIpAddress={ip}"), Expected::Malformed),
    rule("session_id_required", Should, SESSION_ID, Probe::post("/resolveSession?sessionId=&transport=HTTP&clientIpAddress={ip}"), Expected::Malformed),
    rule("session_id_required", Should, SESSION_ID, Probe::post("/resolveSession"), Expected::Malformed),
    rule("parameter_twice", Should, TWICE, Probe::post("/resolveSession?sessionId={id}&sessionId=other&transport=HTTP&clientIpAddress={ip}"), Expected::Malformed),
    rule("parameter_twice", Should, TWICE, Probe::post("/resolveSession?sessionId={id}&transport=HTTP&transport=QUIC&clientIpAddress={ip}"), Expected::Malformed),
    rule("percent_encoding", Should, ENCODING, Probe::post("/resolveSession?sessionId=%zz&transport=HTTP&clientIpAddress={ip}"), Expected::Malformed),
    rule("percent_encoding", Should, ENCODING, Probe::post("/resolveSession?sessionId=%ff&transport=HTTP&clientIpAddress={ip}"), Expected::Malformed),
    rule("control_characters", Should, CONTROL, Probe::post("/resolveSession?sessionId=a%00b&transport=HTTP&clientIpAddress={ip}"), Expected::Malformed),
    rule("control_characters", Should, CONTROL, Probe::post("/resolveSession?sessionId=a%0d%0ab&transport=HTTP&clientIpAddress={ip}"), Expected::Malformed),
    rule("id_length", Should, LENGTH, Probe::post("/resolveSession?sessionId={long}&transport=HTTP&clientIpAddress={ip}"), Expected::Malformed),
    rule("exact_id", Should, EXACT, Probe::post("/resolveSession?sessionId={other}&transport=HTTP&clientIpAddress={ip}"), Expected::NotFound),
    rule("exact_id", Should, EXACT, Probe::post("/resolveSession?sessionId={id}%20&transport=HTTP&clientIpAddress={ip}"), Expected::NotFound),
    rule("unknown_parameter", Should, UNKNOWN_PARAMETER, Probe::post("/resolveSession?sessionId={id}&transport=HTTP&clientIpAddress={ip}&later=1"), Expected::SameDestination),
    rule("body_ignored", Should, BODY, Probe::post("/resolveSession?sessionId={id}&transport=HTTP&clientIpAddress={ip}").body("{\"sessionId\":\"other\",\"transport\":\"QUIC\"}"), Expected::SameDestination),
    rule("body_ignored", Should, BODY, Probe::post("/resolveSession").body("{\"sessionId\":\"other\",\"transport\":\"HTTP\"}"), Expected::Malformed),
    rule("path_prefix", Should, PATH, Probe::post("/stage/resolveSession?sessionId={id}&transport=HTTP&clientIpAddress={ip}"), Expected::SameDestination),
    rule("path_slashes", Should, PATH, Probe::post("//resolveSession?sessionId={id}&transport=HTTP&clientIpAddress={ip}"), Expected::SameDestination),
    rule("path_slashes", Should, PATH, Probe::post("/resolveSession/?sessionId={id}&transport=HTTP&clientIpAddress={ip}"), Expected::SameDestination),
    rule("method", Should, METHOD, Probe::post("/resolveSession?sessionId={id}&transport=HTTP&clientIpAddress={ip}").method(ProbeMethod::Get), Expected::MethodNotAllowed),
    rule("method", Should, METHOD, Probe::post("/resolveSession?sessionId={id}&transport=HTTP&clientIpAddress={ip}").method(ProbeMethod::Put), Expected::MethodNotAllowed),
    rule("not_stored", Should, NOT_STORED, Probe::post("/resolveSession?sessionId={id}&transport=HTTP&clientIpAddress={ip}"), Expected::Header("cache-control", "no-store")),
    rule("request_id", Should, REQUEST_ID, Probe::post("/resolveSession?sessionId={id}&transport=HTTP&clientIpAddress={ip}").request_id("contract-check-1"), Expected::Header("x-request-id", "contract-check-1")),
    rule("request_id", Should, REQUEST_ID, Probe::post("/resolveSession?sessionId={id}&transport=HTTP&clientIpAddress={ip}"), Expected::AnyHeader("x-request-id")),
    rule("problem_document", Should, PROBLEM, Probe::post("/resolveSession?sessionId=contract-check-no-such-session&transport=HTTP&clientIpAddress={ip}"), Expected::ProblemDocument),
    rule("problem_document", Should, PROBLEM, Probe::post("/resolveSession?transport=HTTP&clientIpAddress={ip}"), Expected::ProblemDocument),
];
