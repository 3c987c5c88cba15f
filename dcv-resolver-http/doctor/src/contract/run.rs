//! [`check`]: sends every request and judges the answers.

use std::net::{IpAddr, Ipv4Addr};

use dcv_resolver_client::{
    Bytes, HttpClient, RequestError, Response, StatusCode, Violation, violations,
};
use dcv_resolver_core::{ResolveRequest, SessionId, Transport};
use serde_json::Value;

use super::breach::{Breach, Level};
use super::probe::{Exchange, Known, Probe};
use super::report::ContractReport;
use super::rules::{Expected, RULES, Rule};

/// An error that occurs when a resolver cannot be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContractError {
    /// The resolver does not answer at all.
    #[error(transparent)]
    Unreachable(#[from] RequestError),
    /// The resolver does not know the session.
    #[error(
        "the resolver answers {status} for the known session, so nothing can be checked; give the id of a live session that it resolves, and if a policy limits it to some networks, the address of a client in one of them"
    )]
    NotKnown {
        /// The status.
        status: StatusCode,
    },
}

/// An address from TEST-NET-1 (RFC 5737).
const CLIENT_IP: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

const OVER_HTTP: Probe =
    Probe::post("/resolveSession?sessionId={id}&transport=HTTP&clientIpAddress={ip}");
const OVER_QUIC: Probe =
    Probe::post("/resolveSession?sessionId={id}&transport=QUIC&clientIpAddress={ip}");

/// Sends about forty requests, one after the other, for the session `known` and
/// for others, and returns which rules of the contract the answers break. The
/// session must offer HTTP; it need not offer QUIC.
///
/// `client_ip` is sent as the address of the client; the default is an address
/// from the documentation ranges. Rules about that address send others as well,
/// so no policy should depend on it.
///
/// # Errors
///
/// [`ContractError`], when the resolver cannot be reached or does not resolve the
/// session.
pub async fn check(
    client: &HttpClient,
    known: &SessionId,
    client_ip: Option<IpAddr>,
) -> Result<ContractReport, ContractError> {
    let mut run = Run {
        client,
        known: Known {
            session: known,
            client_ip: client_ip.unwrap_or(CLIENT_IP),
        },
        report: ContractReport::default(),
    };
    client.connect().await?;
    let first = run.send(&OVER_HTTP).await;
    let destination = run.destination(&first)?;
    run.over_quic(destination.as_ref()).await;
    for rule in RULES.iter().filter(|rule| rule.probe.is_applicable(known)) {
        run.one(rule, destination.as_ref()).await;
    }
    let mut report = run.report;
    report.broken.sort_by_key(|breach| breach.level);
    Ok(report)
}

struct Run<'a> {
    client: &'a HttpClient,
    known: Known<'a>,
    report: ContractReport,
}

impl Run<'_> {
    async fn send(&mut self, probe: &Probe) -> Exchange {
        self.report.requests += 1;
        probe.send(self.client, self.known).await
    }

    /// Judges the answer for HTTP and returns its body, `None` if it is unusable.
    fn destination(&mut self, exchange: &Exchange) -> Result<Option<Value>, ContractError> {
        let response = match &exchange.result {
            Ok(response) => response,
            Err(error) => return Err(error.clone().into()),
        };
        let status = response.status();
        if status != StatusCode::OK && !status.is_redirection() {
            return Err(ContractError::NotKnown { status });
        }
        self.judge(exchange, response, Transport::Http);
        Ok(serde_json::from_slice(response.body()).ok())
    }

    /// Judges the answer for QUIC: another port of the same server, or 404.
    async fn over_quic(&mut self, over_http: Option<&Value>) {
        let exchange = self.send(&OVER_QUIC).await;
        let response = match &exchange.result {
            Ok(response) if response.status() == StatusCode::OK => response,
            _ => {
                if exchange.status() != Some(StatusCode::NOT_FOUND) {
                    let requirement = "a request for QUIC is answered with 200 or 404";
                    let expected = "200 with the UDP port, or 404";
                    self.breach(
                        "quic",
                        Level::Must,
                        requirement.to_owned(),
                        &exchange,
                        expected,
                    );
                }
                return;
            }
        };
        self.judge(&exchange, response, Transport::Quic);
        let over_quic: Option<Value> = serde_json::from_slice(response.body()).ok();
        let host = |answer: Option<&Value>| answer?.get("DcvServerEndpoint").cloned();
        let (http, quic) = (host(over_http), host(over_quic.as_ref()));
        if http.is_some() && quic.is_some() && http != quic {
            let requirement = "HTTP and QUIC lead to one server: one login uses both".to_owned();
            let expected = "the same DcvServerEndpoint as for HTTP";
            self.breach("same_server", Level::Must, requirement, &exchange, expected);
        }
    }

    /// Records every rule that a 200 breaks.
    fn judge(&mut self, exchange: &Exchange, response: &Response<Bytes>, transport: Transport) {
        let request = ResolveRequest::new(self.known.session.clone(), transport);
        for violation in violations(&request, response) {
            let level = level_of(&violation);
            let expected = "200, application/json with exactly the five keys";
            self.breach(
                violation.rule(),
                level,
                violation.to_string(),
                exchange,
                expected,
            );
        }
    }

    async fn one(&mut self, rule: &Rule, destination: Option<&Value>) {
        let exchange = self.send(&rule.probe).await;
        if !is_kept(rule.expected, &exchange, destination) {
            let expected = rule.expected.as_sentence();
            let requirement = rule.requirement.to_owned();
            self.breach(rule.name, rule.level, requirement, &exchange, &expected);
        }
    }

    fn breach(
        &mut self,
        rule: &'static str,
        level: Level,
        requirement: String,
        exchange: &Exchange,
        expected: &str,
    ) {
        self.report.broken.push(Breach {
            rule,
            level,
            requirement,
            sent: exchange.sent.clone(),
            answered: exchange.answered(),
            expected: expected.to_owned(),
        });
    }
}

fn level_of(violation: &Violation) -> Level {
    if violation.is_tolerated() {
        Level::Should
    } else {
        Level::Must
    }
}

fn is_kept(expected: Expected, exchange: &Exchange, destination: Option<&Value>) -> bool {
    let status = exchange.status().map(|status| status.as_u16());
    match expected {
        Expected::SameDestination => {
            let answered: Option<Value> = serde_json::from_slice(exchange.body()).ok();
            status == Some(200) && answered.as_ref() == destination
        }
        Expected::NotFound => status == Some(404),
        Expected::Malformed => status == Some(400),
        Expected::MethodNotAllowed => {
            let allowed = exchange.header("allow").unwrap_or_default();
            let mut allowed = allowed.split(',').map(str::trim);
            status == Some(405) && allowed.any(|method| method == "POST")
        }
        Expected::Header(name, value) => exchange.header(name) == Some(value),
        Expected::AnyHeader(name) => exchange.header(name).is_some_and(|it| !it.is_empty()),
        Expected::ProblemDocument => is_problem_document(exchange),
    }
}

fn is_problem_document(exchange: &Exchange) -> bool {
    let content_type = exchange.header("content-type").unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default();
    let document: Option<Value> = serde_json::from_slice(exchange.body()).ok();
    let status = document.and_then(|document| document.get("status")?.as_u64());
    media_type.trim() == "application/problem+json"
        && status == exchange.status().map(|status| status.as_u16().into())
}
