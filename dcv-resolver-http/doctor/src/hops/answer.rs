//! The resolver's answers for HTTP and QUIC, against the contract.

use dcv_resolver_client::{
    Answer, AnswerError, Destination, RequestError, RequestErrorKind, ResolverClient,
};
use dcv_resolver_core::escape::escaped;
use dcv_resolver_core::{ResolveRequest, Transport};

use super::resolver::{Connection, MAY_BE_REFUSED};
use crate::hop::{Hop, HopKind};
use crate::not_found::NotFoundReason;

const MAX_TEXT_BYTES: usize = 256;

/// What the resolver answered.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) hops: Vec<Hop>,
    pub(crate) http: Option<Destination>,
    pub(crate) quic: Option<Destination>,
    /// The answer for HTTP, if it has no destination.
    pub(crate) unresolved: Option<Unresolved>,
}

/// Why an answer has no destination. An explanation covers what stores and policies
/// cause, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unresolved {
    /// 404 for the session, with the machine-readable word if there is one.
    NotFound(Option<String>),
    /// 503.
    Unavailable,
    /// Something else than a store or a policy.
    Other,
}

/// Asks for both transports at once.
pub(crate) async fn check(connection: &Connection, request: &ResolveRequest) -> Answers {
    let mut answers = Answers::default();
    let client = ResolverClient::new(connection.client.clone());
    let over_quic = over_quic(request);
    let (resolved, quic) = tokio::join!(client.resolve(request), client.resolve(&over_quic));
    if let Err(AnswerError::Request(error)) = &resolved {
        answers.hops = not_answered(connection, error).await;
        return answers;
    }
    answers
        .hops
        .extend(connection.client_certificate_accepted());
    match resolved {
        Ok(Answer::Found(destination)) => {
            answers.hops.push(found(HopKind::AnswerHttp, &destination));
            answers.http = Some(destination);
        }
        Ok(answer) => {
            answers.unresolved = Some(unresolved(&answer));
            answers.hops.push(not_found(&answer, request));
        }
        Err(error) => {
            answers.unresolved = Some(match &error {
                AnswerError::Status { status, .. } if status.as_u16() == 503 => {
                    Unresolved::Unavailable
                }
                _ => Unresolved::Other,
            });
            answers.hops.push(failed(HopKind::AnswerHttp, &error));
            answers.hops.push(Hop::not_checked(
                HopKind::AnswerQuic,
                "the answer for HTTP is unusable",
            ));
            return answers;
        }
    }
    match quic {
        Ok(Answer::Found(destination)) => {
            answers
                .hops
                .push(quic_found(&destination, answers.http.as_ref()));
            answers.quic = Some(destination);
        }
        Ok(_) if answers.http.is_some() => answers.hops.push(Hop::ok(
            HopKind::AnswerQuic,
            "not offered; clients use WebSocket",
        )),
        Ok(_) => answers.hops.push(Hop::not_checked(
            HopKind::AnswerQuic,
            "the session is not found for HTTP either",
        )),
        Err(error) => answers.hops.push(failed(HopKind::AnswerQuic, &error)),
    }
    answers
}

fn over_quic(request: &ResolveRequest) -> ResolveRequest {
    let quic = ResolveRequest::new(request.session_id().clone(), Transport::Quic);
    match request.client_ip() {
        Some(client_ip) => quic.with_client_ip(client_ip),
        None => quic,
    }
}

fn found(kind: HopKind, destination: &Destination) -> Hop {
    let Destination {
        session_id,
        host,
        port,
        web_url_path,
        ..
    } = destination;
    let id = escaped(session_id.as_str(), MAX_TEXT_BYTES);
    let path = escaped(web_url_path.as_str(), MAX_TEXT_BYTES);
    let detail = format!("session {id:?} on {host} port {port}, path {path}");
    Hop::ok(kind, detail)
}

fn quic_found(destination: &Destination, http: Option<&Destination>) -> Hop {
    match http.filter(|http| http.host != destination.host) {
        Some(http) => Hop::fail(
            HopKind::AnswerQuic,
            format!(
                "the resolver answers {} for QUIC and {} for HTTP, but one login needs both on one server",
                destination.host, http.host
            ),
            "make the resolver answer with the same server for both transports",
        ),
        None => found(HopKind::AnswerQuic, destination),
    }
}

fn unresolved(answer: &Answer) -> Unresolved {
    match answer {
        Answer::NotFound(answer) if !answer.is_html => Unresolved::NotFound(answer.reason.clone()),
        _ => Unresolved::Other,
    }
}

fn not_found(answer: &Answer, request: &ResolveRequest) -> Hop {
    let reason = match answer {
        Answer::NotFound(answer) if answer.is_html => {
            return Hop::fail(
                HopKind::AnswerHttp,
                "the answer is 404 with a web page: a web server answers instead of the resolver",
                "correct host, port and path in the url of [resolver]",
            );
        }
        Answer::NotFound(answer) => NotFoundReason {
            reason: answer.reason.clone(),
            detail: answer.detail.clone(),
            suggestion: None,
        },
        _ => NotFoundReason::default(),
    };
    let transport = request.transport();
    let client_ip = request.client_ip();
    reason.hop(
        HopKind::AnswerHttp,
        request.session_id(),
        transport,
        client_ip,
    )
}

fn failed(kind: HopKind, error: &AnswerError) -> Hop {
    let change = match error {
        AnswerError::Contract(_) => {
            "correct the resolver; doctor contract lists every rule that it breaks"
        }
        AnswerError::Status { status, problem } => {
            let reason = problem
                .as_ref()
                .and_then(|problem| problem.reason.as_deref());
            match (status.as_u16(), reason) {
                (_, Some("no_such_path")) => {
                    "end the url of [resolver] before /resolveSession, which the gateway appends"
                }
                (403, _) => {
                    "add the address of this machine, as the resolver sees it, to `allowed_networks` of [callers]"
                }
                (405, _) => "correct the url of [resolver]: what is there must answer POST",
                (429, _) => "raise `requests_per_second` in [limits] of the resolver",
                (503, _) => {
                    "look at /readyz and the log of the resolver: a store or a policy fails"
                }
                _ => "look at the log of the resolver for this request",
            }
        }
        _ => "look at the log of the resolver for this request",
    };
    Hop::fail(kind, error.to_string(), change)
}

/// Returns the hops of a request without a response.
async fn not_answered(connection: &Connection, error: &RequestError) -> Vec<Hop> {
    let hop = match error.kind() {
        RequestErrorKind::Tls | RequestErrorKind::TlsTimeout => connection.tls_failed(error).await,
        RequestErrorKind::ResponseTimeout => Hop::fail(
            HopKind::AnswerHttp,
            format!("the resolver accepts the connection and does not answer: {error}"),
            "look at the log of the resolver; whatever listens there may not be one",
        ),
        RequestErrorKind::Closed | RequestErrorKind::Protocol => {
            if let Some(hop) = connection.speaks_tls().await {
                return vec![hop, unasked()];
            }
            Hop::fail(
                HopKind::AnswerHttp,
                format!("the resolver closes the connection without an answer: {error}"),
                MAY_BE_REFUSED,
            )
        }
        _ => Hop::fail(
            HopKind::AnswerHttp,
            error.to_string(),
            "look at the log of the resolver for this moment",
        ),
    };
    if hop.kind == HopKind::AnswerHttp {
        vec![hop]
    } else {
        vec![hop, unasked()]
    }
}

fn unasked() -> Hop {
    Hop::not_checked(
        HopKind::AnswerHttp,
        "there is no connection to the resolver",
    )
}
