//! [`AdminRegistrar`]: registers sessions over the admin API of a resolver.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use dcv_resolver_client::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, InvalidHeaderValue};
use dcv_resolver_client::{
    BearerToken, BearerTokenError, Bytes, HeaderMap, HttpClient, Method, ProblemDocument,
    RequestError, StatusCode,
};
use dcv_resolver_core::{LeaseToken, SessionId, SessionRecord, async_trait};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::task::{JoinError, spawn_blocking};

use crate::registrar::{Registrar, RegistrarError};

/// A [`Registrar`] that uses the admin API of a resolver: `dcv-resolver-admin`,
/// or another service with the same OpenAPI document.
///
/// The bearer token is read from its file for each request, so that it can be
/// replaced. With `http`, it is sent unencrypted: use `https` unless the
/// resolver runs on the same machine.
#[derive(Clone)]
pub struct AdminRegistrar {
    client: HttpClient,
    bearer_token_file: PathBuf,
    token: LeaseToken,
}

/// An error that occurs when a request fails.
#[derive(Debug, thiserror::Error)]
enum AdminError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    BearerToken(#[from] BearerTokenError),
    #[error("the bearer token was not read, since the agent ends")]
    Ended(#[from] JoinError),
    #[error("the lease token cannot be sent in a header")]
    LeaseToken(#[from] InvalidHeaderValue),
    #[error("cannot write the session as JSON")]
    Body(#[from] serde_json::Error),
    #[error("the resolver answered {status}{explanation}")]
    Status {
        status: StatusCode,
        explanation: String,
    },
}

impl AdminRegistrar {
    /// Creates a registrar that registers sessions under the lease token `token`
    /// at the resolver of `client`. The URL of `client` is that of the operators'
    /// listener, such as `https://resolver.example:9001`.
    #[must_use]
    pub fn new(
        client: HttpClient,
        bearer_token_file: impl Into<PathBuf>,
        token: LeaseToken,
    ) -> Self {
        Self {
            client,
            bearer_token_file: bearer_token_file.into(),
            token,
        }
    }

    /// Sends a request about a session; for a response that is not a success,
    /// returns the reason with its error.
    async fn send(
        &self,
        method: Method,
        id: &SessionId,
        operation: &str,
        body: Option<Value>,
    ) -> Result<(), (Option<String>, AdminError)> {
        let id = utf8_percent_encode(id.as_str(), PATH_SEGMENT);
        let path = format!("/v1/sessions/{id}{operation}");
        let (headers, body) = self.parts(body).await.map_err(|error| (None, error))?;
        let response = self.client.send(method, &path, headers, body).await;
        let response = response.map_err(|error| (None, error.into()))?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let problem = ProblemDocument::parse(response.body()).unwrap_or_default();
        let explanation = match &problem.detail {
            Some(detail) => format!(": {detail}"),
            None => "; expected the admin API of dcv-resolver".to_owned(),
        };
        Err((
            problem.reason,
            AdminError::Status {
                status,
                explanation,
            },
        ))
    }

    async fn parts(&self, body: Option<Value>) -> Result<(HeaderMap, Bytes), AdminError> {
        let path = self.bearer_token_file.clone();
        let bearer = spawn_blocking(move || BearerToken::read(&path)).await??;
        let mut lease_token = HeaderValue::try_from(self.token.expose_hex())?;
        lease_token.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, bearer.header_value());
        headers.insert("lease-token", lease_token);
        let Some(body) = body else {
            return Ok((headers, Bytes::new()));
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok((headers, serde_json::to_vec(&body)?.into()))
    }
}

#[async_trait]
impl Registrar for AdminRegistrar {
    async fn register(&self, record: &SessionRecord, ttl: Duration) -> Result<(), RegistrarError> {
        let body = registration(record, ttl).map_err(|error| failed(error.into()))?;
        let sent = self.send(Method::PUT, record.id(), "", Some(body)).await;
        sent.map_err(|(reason, error)| match reason.as_deref() {
            Some("already_exists") => RegistrarError::AlreadyExists,
            _ => failed(error),
        })
    }

    async fn renew(&self, id: &SessionId, ttl: Duration) -> Result<(), RegistrarError> {
        let body = json!({"ttl_ms": milliseconds(ttl)});
        let sent = self.send(Method::POST, id, "/renew", Some(body)).await;
        sent.map_err(|(reason, error)| match reason.as_deref() {
            Some("lease_lost") => RegistrarError::LeaseLost,
            _ => failed(error),
        })
    }

    async fn deregister(&self, id: &SessionId) -> Result<(), RegistrarError> {
        match self.send(Method::DELETE, id, "", None).await {
            Ok(()) => Ok(()),
            Err((Some(reason), _)) if reason == "no_such_lease" => Ok(()),
            Err((_, error)) => Err(failed(error)),
        }
    }
}

impl fmt::Debug for AdminRegistrar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminRegistrar")
            .field("client", &self.client)
            .field("bearer_token_file", &self.bearer_token_file)
            .finish_non_exhaustive()
    }
}

/// What must be encoded in a part of a path. Dots too: some proxies treat `.`
/// and `..` as folders.
const PATH_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');

/// Returns the body of a registration: the record without its id, which is in
/// the path, and with a time to live instead of an expiry.
fn registration(record: &SessionRecord, ttl: Duration) -> serde_json::Result<Value> {
    let mut body = serde_json::to_value(record)?;
    if let Value::Object(fields) = &mut body {
        fields.remove("id");
        fields.remove("expires_at_ms");
        fields.insert("ttl_ms".to_owned(), milliseconds(ttl).into());
    }
    Ok(body)
}

fn milliseconds(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the error of a request that can be tried again, or that cannot. A
/// response of the class 4xx is about this request, except when the caller is
/// unknown, is not at the admin API at all, or is to come back later. A 500 is
/// too: it is the response for a damaged record.
fn failed(error: AdminError) -> RegistrarError {
    let is_about_this_session = match &error {
        AdminError::Status { status, .. } => {
            let about_all = [
                StatusCode::UNAUTHORIZED,
                StatusCode::NOT_FOUND,
                StatusCode::METHOD_NOT_ALLOWED,
                StatusCode::REQUEST_TIMEOUT,
                StatusCode::TOO_MANY_REQUESTS,
            ];
            *status == StatusCode::INTERNAL_SERVER_ERROR
                || status.is_client_error() && !about_all.contains(status)
        }
        AdminError::Body(_) => true,
        _ => false,
    };
    if is_about_this_session {
        RegistrarError::Refused(Box::new(error))
    } else {
        RegistrarError::Unavailable(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registration_has_a_time_to_live_and_no_id() {
        let record: SessionRecord = serde_json::from_value(json!({
            "id": "console@ws-17.dcv.example", "target_id": "console", "host": "ws-17.dcv.example",
            "http_port": 8443, "quic_port": 8444, "web_url_path": "/dcv", "state": "UNKNOWN",
            "owner": "ann", "labels": {"site": "a"}, "expires_at_ms": null,
        }))
        .unwrap();
        assert_eq!(
            registration(&record, Duration::from_secs(90)).unwrap(),
            json!({
                "target_id": "console", "host": "ws-17.dcv.example",
                "http_port": 8443, "quic_port": 8444, "web_url_path": "/dcv", "state": "UNKNOWN",
                "owner": "ann", "labels": {"site": "a"}, "ttl_ms": 90_000,
            })
        );
    }

    #[tokio::test]
    async fn file_without_a_bearer_token_is_an_outage_with_its_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        // Nothing is sent to it.
        let client = HttpClient::builder("http://192.0.2.1".parse().unwrap())
            .build()
            .unwrap();
        let token = LeaseToken::from_bytes([7; LeaseToken::BYTES]);
        let registrar = AdminRegistrar::new(client, file.path(), token);
        let error = registrar.deregister(&"a".parse().unwrap()).await;
        let Err(RegistrarError::Unavailable(source)) = error else {
            panic!("{error:?}");
        };
        let expected = format!("{} is empty; ", file.path().display());
        assert!(source.to_string().starts_with(&expected), "{source}");
    }

    #[test]
    fn refusal_of_one_session_is_no_outage() {
        let of = |status| {
            failed(AdminError::Status {
                status,
                explanation: String::new(),
            })
        };
        for status in [
            StatusCode::FORBIDDEN,
            StatusCode::BAD_REQUEST,
            StatusCode::INTERNAL_SERVER_ERROR,
        ] {
            assert!(matches!(of(status), RegistrarError::Refused(_)), "{status}");
        }
        for status in [
            StatusCode::UNAUTHORIZED,
            StatusCode::NOT_FOUND,
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::FOUND,
        ] {
            assert!(
                matches!(of(status), RegistrarError::Unavailable(_)),
                "{status}"
            );
        }
    }
}
