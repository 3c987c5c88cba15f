//! [`TokenVerifier`]: asks an `auth-token-verifier` as a DCV server does.

use std::error::Error;
use std::path::Path;

use axum::http::Uri;
use axum::http::uri::{InvalidUri, PathAndQuery};
use dcv_resolver_client::{
    BaseUrl, Bytes, HeaderMap, HttpClient, InvalidBaseUrl, Method, TlsOptions, header,
};
use form_urlencoded::Serializer;

use crate::start_error::StartError;
use crate::verdict::Verdict;

/// Asks an `auth-token-verifier` whether a token admits to a session.
///
/// Source: *Amazon DCV Administrator Guide*, "Using external authentication": a
/// POST with the fields `sessionId`, `authenticationToken` and `clientAddress` as
/// a form. The status of the answer is not documented, so any is accepted with a
/// body that can be read.
#[derive(Debug, Clone)]
pub(crate) struct TokenVerifier {
    client: HttpClient,
    path_and_query: String,
}

impl TokenVerifier {
    pub(crate) fn new(url: &str, ca_file: Option<&Path>) -> Result<Self, StartError> {
        let tls = match ca_file {
            Some(path) => TlsOptions::default().ca_file(path),
            None => TlsOptions::default(),
        };
        let failed = |error: Box<dyn Error + Send + Sync>| {
            StartError::new(format!("cannot use the auth-token-verifier {url}"), error)
        };
        let uri: Uri = url
            .parse()
            .map_err(|error: InvalidUri| failed(error.into()))?;
        let path_and_query = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let base = url.strip_suffix(path_and_query).unwrap_or(url);
        let base: BaseUrl = base
            .parse()
            .map_err(|error: InvalidBaseUrl| failed(error.into()))?;
        let client = HttpClient::builder(base).tls(tls).build();
        Ok(Self {
            client: client.map_err(|error| failed(error.into()))?,
            path_and_query: path_and_query.to_owned(),
        })
    }

    /// Asks; the error says why there is no verdict.
    pub(crate) async fn verify(
        &self,
        session_id: &str,
        token: &str,
        client_address: &str,
    ) -> Result<Verdict, String> {
        let form = Serializer::new(String::new())
            .append_pair("sessionId", session_id)
            .append_pair("authenticationToken", token)
            .append_pair("clientAddress", client_address)
            .finish();
        let mut headers = HeaderMap::new();
        let form_type = header::HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, form_type);
        let answer = self
            .client
            .send(
                Method::POST,
                &self.path_and_query,
                headers,
                Bytes::from(form),
            )
            .await
            .map_err(|error| error.to_string())?;
        Verdict::parse(&String::from_utf8_lossy(answer.body()))
    }
}
