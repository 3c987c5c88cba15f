//! [`ResolverClient`]: asks a resolver as the gateway does.

use std::fmt::Write as _;

use dcv_resolver_core::ResolveRequest;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONTENT_LENGTH, HeaderValue};
use hyper::{HeaderMap, Method, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::answer::Answer;
use crate::answer_error::AnswerError;
use crate::http_client::HttpClient;
use crate::read_answer::read_answer;
use crate::request_error::{RequestError, RequestErrorKind};

/// All but the unreserved characters of RFC 3986: a `+` would be read as a space.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A client that asks a resolver where sessions run, with the request that the
/// gateway sends.
///
/// Source: *Amazon DCV Connection Gateway Administrator Guide*, "Setting up a
/// Session Resolver".
#[derive(Debug, Clone)]
pub struct ResolverClient {
    http: HttpClient,
}

impl ResolverClient {
    /// Creates a client of the resolver at the URL of `http`, which corresponds
    /// to `url` in the gateway's `[resolver]` section.
    #[must_use]
    pub fn new(http: HttpClient) -> Self {
        Self { http }
    }

    /// Returns the HTTP client.
    #[must_use]
    pub fn http(&self) -> &HttpClient {
        &self.http
    }

    /// Sends a request and returns the resolver's answer.
    ///
    /// # Errors
    ///
    /// [`AnswerError`], when there is no answer, or none that can be used.
    pub async fn resolve(&self, request: &ResolveRequest) -> Result<Answer, AnswerError> {
        let response = self.ask(request).await?;
        read_answer(request, &response)
    }

    /// Sends a request and returns the response as it is, of any status.
    ///
    /// If the connection is closed before the response is complete, the request
    /// is sent once more: a server may close a connection just when it is used
    /// again, and a repeated request has no additional effect.
    ///
    /// # Errors
    ///
    /// [`RequestError`], when there is no response.
    pub async fn ask(&self, request: &ResolveRequest) -> Result<Response<Bytes>, RequestError> {
        let path_and_query = path_and_query(request);
        match self.send(&path_and_query).await {
            Err(error) if error.kind() == RequestErrorKind::Closed => {
                self.send(&path_and_query).await
            }
            result => result,
        }
    }

    async fn send(&self, path_and_query: &str) -> Result<Response<Bytes>, RequestError> {
        let headers = HeaderMap::from_iter([
            (ACCEPT, HeaderValue::from_static("application/json")),
            // Some servers answer 411 to a POST without it.
            (CONTENT_LENGTH, HeaderValue::from_static("0")),
        ]);
        self.http
            .send(Method::POST, path_and_query, headers, Bytes::new())
            .await
    }
}

fn path_and_query(request: &ResolveRequest) -> String {
    let mut text = format!(
        "/resolveSession?sessionId={}&transport={}",
        utf8_percent_encode(request.session_id().as_str(), ENCODED),
        request.transport(),
    );
    if let Some(client_ip) = request.client_ip() {
        let client_ip = client_ip.to_string();
        let encoded = utf8_percent_encode(&client_ip, ENCODED);
        // Writing to a string cannot fail.
        let _ = write!(text, "&clientIpAddress={encoded}");
    }
    text
}
