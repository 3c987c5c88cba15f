//! How the resolver explains its answer: `/explain` of its operators' listener,
//! or its configuration and stores.

use std::error::Error;
use std::sync::Arc;

use dcv_resolver_client::{
    BaseUrl, BearerToken, Bytes, HeaderMap, HttpClient, InvalidBaseUrl, Method, RequestError,
    StatusCode, TlsFileError, TlsOptions, header,
};
use dcv_resolver_core::escape::escaped;
use dcv_resolver_core::{ErrorChain, ResolveRequest};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::answer::Unresolved;
use crate::explain_request::ExplainRequest;
use crate::hop::{Hop, HopKind};
use crate::not_found::NotFoundReason;
use crate::time_limits::{CONNECT, RESPONSE};

const KIND: HopKind = HopKind::Explanation;
const MAX_TEXT_BYTES: usize = 512;

/// What an explanation concludes, as it is serialized.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Concluded {
    outcome: String,
    reason: Option<String>,
    detail: Option<String>,
    error: Option<String>,
    did_you_mean: Vec<Similar>,
}

#[derive(Debug, Deserialize)]
struct Similar {
    session_id: String,
    match_kind: String,
}

/// What can explain an answer.
#[derive(Default)]
pub(crate) struct ExplainedBy<'a> {
    /// The operators' listener.
    pub(crate) ops_url: Option<&'a str>,
    /// The bearer token for it.
    pub(crate) ops_token: Option<&'a BearerToken>,
    /// The resolver's configuration and stores.
    pub(crate) local: Option<&'a Arc<dyn ExplainRequest>>,
}

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
enum NotExplained {
    #[error("there is neither --ops-url nor --config: give one of them")]
    NoSource,
    #[error(
        "{0} is not on this machine; elsewhere /explain needs a token; give --admin-token-file"
    )]
    NoToken(BaseUrl),
    #[error(
        "{0} is not on this machine, and a token is not sent without TLS; give a URL with https://"
    )]
    TokenWithoutTls(BaseUrl),
    #[error("the operators' listener cannot be asked: {0}")]
    InvalidUrl(#[from] InvalidBaseUrl),
    #[error(transparent)]
    InvalidSettings(#[from] TlsFileError),
    #[error("/explain cannot be asked: {0}")]
    Unreachable(#[from] RequestError),
    #[error("/explain needs a token; give --admin-token-file ({status})", status = .0.as_u16())]
    TokenNeeded(StatusCode),
    #[error("/explain does not accept the token ({status})", status = .0.as_u16())]
    TokenRefused(StatusCode),
    #[error("/explain answers {status}", status = .0.as_u16())]
    Status(StatusCode),
    #[error("/explain does not answer an explanation: {0}")]
    NotAnExplanation(#[source] serde_json::Error),
    #[error(transparent)]
    Local(Box<dyn Error + Send + Sync>),
}

/// Explains why `answered`, the answer to `request`, has no destination, or what the
/// answer would be if the resolver was not asked: over the network, if the operators'
/// listener can be asked, or by `local`.
///
/// It fails only if it explains that answer. The resolver's own answer counts: what
/// contradicts it may come from other stores than those of the running resolver.
pub(crate) async fn check(
    request: &ResolveRequest,
    answered: Option<&Unresolved>,
    explained_by: &ExplainedBy<'_>,
) -> Hop {
    let asked = match explained_by.ops_url {
        Some(url) => ask(url, explained_by.ops_token, request).await,
        None => Err(NotExplained::NoSource),
    };
    let not_asked = match asked {
        Ok(concluded) => return concluded.hop(request, answered),
        Err(error) => error,
    };
    let not_asked = ErrorChain::new(&not_asked).to_string();
    let Some(local) = explained_by.local else {
        return Hop::not_checked(KIND, not_asked);
    };
    match explain_locally(local.as_ref(), request).await {
        Ok(concluded) => concluded.hop(request, answered),
        Err(error) => {
            let error = ErrorChain::new(&error);
            Hop::not_checked(KIND, format!("{not_asked}; {error}"))
        }
    }
}

async fn explain_locally(
    local: &dyn ExplainRequest,
    request: &ResolveRequest,
) -> Result<Concluded, NotExplained> {
    let explanation = local.explain(request).await;
    let explanation = explanation.map_err(NotExplained::Local)?;
    serde_json::to_value(&explanation)
        .and_then(Concluded::deserialize)
        .map_err(|error| NotExplained::Local(error.into()))
}

async fn ask(
    url: &str,
    token: Option<&BearerToken>,
    request: &ResolveRequest,
) -> Result<Concluded, NotExplained> {
    let url: BaseUrl = url.parse()?;
    let is_local = url.is_loopback();
    if !is_local && token.is_none() {
        return Err(NotExplained::NoToken(url));
    }
    if !is_local && !url.is_https() {
        return Err(NotExplained::TokenWithoutTls(url));
    }
    let client = HttpClient::builder(url)
        // No one is between this process and its own machine.
        .tls(TlsOptions::default().strict(!is_local))
        .connect_timeout(CONNECT)
        .response_timeout(RESPONSE)
        .max_response_bytes(1024 * 1024)
        .build()?;
    let json = header::HeaderValue::from_static("application/json");
    let mut headers = HeaderMap::from_iter([(header::ACCEPT, json)]);
    if let Some(token) = token {
        headers.insert(header::AUTHORIZATION, token.header_value());
    }
    let response = client
        .send(Method::GET, &path_and_query(request), headers, Bytes::new())
        .await?;
    match response.status() {
        StatusCode::OK => {}
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            return Err(match token {
                Some(_) => NotExplained::TokenRefused(status),
                None => NotExplained::TokenNeeded(status),
            });
        }
        status => return Err(NotExplained::Status(status)),
    }
    serde_json::from_slice(response.body()).map_err(NotExplained::NotAnExplanation)
}

fn path_and_query(request: &ResolveRequest) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let id = encoded(request.session_id().as_str());
    let transport = request.transport();
    let mut text = format!("/explain?sessionId={id}&transport={transport}");
    if let Some(client_ip) = request.client_ip() {
        text.push_str("&clientIpAddress=");
        text.push_str(&encoded(&client_ip.to_string()));
    }
    text
}

impl Concluded {
    fn hop(self, request: &ResolveRequest, answered: Option<&Unresolved>) -> Hop {
        match self.outcome.as_str() {
            "found" => match answered {
                Some(Unresolved::NotFound(_)) => Hop::warn(
                    KIND,
                    "according to its own explanation the resolver finds the session, but it answered otherwise",
                    "check that the url of [resolver] leads to this resolver and not to another one",
                ),
                _ => Hop::ok(KIND, "it finds the session"),
            },
            "error" => {
                let error = self.error.unwrap_or_default();
                let error = escaped(&error, MAX_TEXT_BYTES);
                let cause = format!("a store or a policy of the resolver fails: {error}");
                if matches!(answered, None | Some(Unresolved::Unavailable)) {
                    let change = "repair it; /readyz shows whether it answers again";
                    return Hop::fail(KIND, cause, change);
                }
                contradiction(&cause)
            }
            _ => self.not_found(request, answered),
        }
    }

    fn not_found(self, request: &ResolveRequest, answered: Option<&Unresolved>) -> Hop {
        let is_agreed = match answered {
            None | Some(Unresolved::NotFound(None)) => true,
            Some(Unresolved::NotFound(reason)) => *reason == self.reason,
            Some(Unresolved::Unavailable | Unresolved::Other) => false,
        };
        let similar = self.did_you_mean.into_iter().next();
        let not_found = NotFoundReason {
            reason: self.reason,
            detail: self.detail,
            suggestion: similar.map(|it| (it.session_id, it.match_kind)),
        };
        let transport = request.transport();
        let hop = not_found.hop(KIND, request.session_id(), transport, request.client_ip());
        if is_agreed {
            hop
        } else {
            contradiction(&hop.detail)
        }
    }
}

/// Returns the hop of an explanation that is not the reason for the answer.
fn contradiction(explained: &str) -> Hop {
    Hop::note(
        KIND,
        format!("it is not the reason for the answer: {explained}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hop::Status;
    use dcv_resolver_core::{
        Expiry, Explainer, Explanation, MemoryStore, Resolver, SessionRecord, StoreError,
        StoreErrorKind, Transport, async_trait,
    };

    fn request(id: &str) -> ResolveRequest {
        ResolveRequest::new(id.parse().unwrap(), Transport::Http)
    }

    #[derive(Debug)]
    struct Local(Explainer);

    #[async_trait]
    impl ExplainRequest for Local {
        async fn explain(
            &self,
            request: &ResolveRequest,
        ) -> Result<Explanation, Box<dyn Error + Send + Sync>> {
            Ok(self.0.explain(request).await)
        }
    }

    fn not_found(reason: &str) -> Unresolved {
        Unresolved::NotFound(Some(reason.to_owned()))
    }

    fn local() -> Arc<dyn ExplainRequest> {
        let id = "console".parse().unwrap();
        let host = "ws-17.dcv.example".parse().unwrap();
        let record = SessionRecord::builder(id, host, Expiry::Never).http_port(8443);
        let store = Arc::new(MemoryStore::from_iter([record.build().unwrap()]));
        let resolver = Resolver::builder()
            .store("memory", Arc::clone(&store))
            .build()
            .unwrap();
        Arc::new(Local(
            Explainer::new(resolver).with_listing("memory", store),
        ))
    }

    fn by(local: &Arc<dyn ExplainRequest>) -> ExplainedBy<'_> {
        ExplainedBy {
            local: Some(local),
            ..ExplainedBy::default()
        }
    }

    #[tokio::test]
    async fn similar_id_is_named() {
        let hop = check(
            &request("Console"),
            Some(&not_found("unknown")),
            &by(&local()),
        )
        .await;
        assert!(hop.is_failed());
        assert!(hop.detail.contains("did you mean \"console\""), "{hop}");
    }

    #[tokio::test]
    async fn session_that_is_found_here_and_not_there_is_a_warning() {
        let hop = check(
            &request("console"),
            Some(&not_found("unknown")),
            &by(&local()),
        )
        .await;
        assert_eq!(hop.status, Status::Warn);
        assert!(hop.detail.contains("answered otherwise"), "{hop}");
        let hop = check(&request("console"), None, &by(&local())).await;
        assert_eq!(hop.status, Status::Ok);
    }

    #[derive(Debug)]
    struct Fails;

    #[async_trait]
    impl ExplainRequest for Fails {
        async fn explain(
            &self,
            _: &ResolveRequest,
        ) -> Result<Explanation, Box<dyn Error + Send + Sync>> {
            let error = StoreError::new("a", StoreErrorKind::Unavailable);
            Err(error.with_source("connection refused").into())
        }
    }

    #[tokio::test]
    async fn own_failure_is_named_with_its_sources() {
        let local: Arc<dyn ExplainRequest> = Arc::new(Fails);
        let hop = check(&request("console"), None, &by(&local)).await;
        assert_eq!(hop.status, Status::NotChecked);
        assert!(
            hop.detail
                .ends_with("give one of them; a: the store cannot be reached: connection refused"),
            "{hop}"
        );
    }

    #[tokio::test]
    async fn another_machine_is_not_asked_without_a_token_and_tls() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "tr0ub4dor").unwrap();
        let token = BearerToken::read(file.path()).unwrap();
        for (ops_url, ops_token, reason) in [
            (
                "http://resolver.example:9001/tr0ub4dor",
                None,
                "http://resolver.example:9001 is not on this machine; elsewhere /explain needs a token",
            ),
            (
                "http://resolver.example:9001/tr0ub4dor",
                Some(&token),
                "http://resolver.example:9001 is not on this machine, and a token is not sent without TLS",
            ),
            (
                "http://u:tr0ub4dor@127.0.0.1:1",
                Some(&token),
                "the operators' listener cannot be asked: the URL must not contain a user",
            ),
        ] {
            let elsewhere = ExplainedBy {
                ops_url: Some(ops_url),
                ops_token,
                local: None,
            };
            let hop = check(&request("console"), None, &elsewhere).await;
            assert_eq!(hop.status, Status::NotChecked);
            assert!(hop.detail.starts_with(reason), "{hop}");
            assert!(!hop.detail.contains("tr0ub4dor"), "{hop}");
        }
    }

    #[test]
    fn failing_store_is_the_cause() {
        let json = r#"{"outcome":"error","error":"store a failed\n"}"#;
        let concluded: Concluded = serde_json::from_str(json).unwrap();
        let hop = concluded.hop(&request("console"), Some(&Unresolved::Unavailable));
        assert!(hop.is_failed());
        assert!(hop.detail.ends_with(r"store a failed\n"), "{hop}");
    }

    #[test]
    fn explanation_fails_only_if_it_is_the_reason_for_the_answer() {
        let unknown = r#"{"outcome":"not_found","reason":"unknown"}"#;
        let error = r#"{"outcome":"error","error":"store a failed"}"#;
        for (json, answered, is_reason) in [
            (unknown, not_found("unknown"), true),
            (unknown, Unresolved::NotFound(None), true),
            (unknown, not_found("expired"), false),
            (unknown, Unresolved::Unavailable, false),
            // Such as 403 for a caller outside of `allowed_networks`.
            (unknown, Unresolved::Other, false),
            (error, not_found("unknown"), false),
            (error, Unresolved::Other, false),
        ] {
            let concluded: Concluded = serde_json::from_str(json).unwrap();
            let hop = concluded.hop(&request("console"), Some(&answered));
            assert_eq!(hop.is_failed(), is_reason, "{answered:?}: {hop}");
            assert_eq!(hop.finding.is_some(), is_reason, "{answered:?}: {hop}");
        }
    }
}
