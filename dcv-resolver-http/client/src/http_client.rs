//! [`HttpClient`]: sends requests to one server.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::{HeaderMap, Method, Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::base_url::BaseUrl;
use crate::connect::{Connector, tls_error};
use crate::connection_report::ConnectionReport;
use crate::request_error::{RequestError, RequestErrorKind};
use crate::tls_failure::TlsFailure;

/// How long an unused connection is kept: less than servers and load balancers
/// usually do, so that they rarely close one just when it is used again.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// An HTTP/1.1 client for one server.
///
/// Connections are kept and reused. Redirects are not followed, and no proxy is
/// used, regardless of the environment: a gateway does neither. Clones share
/// the connections.
///
/// The client needs a tokio runtime with its timer and its I/O enabled.
#[derive(Clone)]
pub struct HttpClient {
    url: Arc<BaseUrl>,
    connector: Connector,
    pool: Client<Connector, Full<Bytes>>,
    response_timeout: Duration,
    max_response_bytes: usize,
}

/// How long the head of a response may be, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;

impl HttpClient {
    pub(crate) fn new(
        url: Arc<BaseUrl>,
        connector: Connector,
        response_timeout: Duration,
        max_response_bytes: usize,
    ) -> Self {
        let pool = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .http1_max_buf_size(MAX_HEAD_BYTES)
            .build(connector.clone());
        Self {
            url,
            connector,
            pool,
            response_timeout,
            max_response_bytes,
        }
    }

    /// Returns the URL of the server, whose path all request paths follow.
    #[must_use]
    pub fn base_url(&self) -> &BaseUrl {
        &self.url
    }

    /// Sends a request and returns the response, of any status.
    ///
    /// `path_and_query` starts with `/` and is appended to the path of the URL.
    ///
    /// # Errors
    ///
    /// [`RequestError`], whose [kind](RequestError::kind) is the step that
    /// failed. With TLS 1.3, a server refuses a client certificate after the
    /// handshake, so this function, not [`connect`](Self::connect), reports it.
    pub async fn send(
        &self,
        method: Method,
        path_and_query: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Bytes>, RequestError> {
        let Some(uri) = self.url.uri(path_and_query) else {
            return Err(self.error(
                RequestErrorKind::InvalidUrl,
                "cannot be asked: the path is not valid in HTTP",
            ));
        };
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;

        let mut connection = capture_connection(&mut request);
        // Dropped with this future: the connector limits the time until then.
        let too_slow = async {
            drop(connection.wait_for_connection_metadata().await);
            tokio::time::sleep(self.response_timeout).await;
        };
        tokio::select! {
            response = self.exchange(request) => response,
            () = too_slow => Err(self.error(
                RequestErrorKind::ResponseTimeout,
                &format!("did not answer within {:?}", self.response_timeout),
            )),
        }
    }

    /// Establishes a new connection, describes it and closes it.
    ///
    /// # Errors
    ///
    /// [`RequestError`], whose [kind](RequestError::kind) is the step that
    /// failed.
    pub async fn connect(&self) -> Result<ConnectionReport, RequestError> {
        self.connector.report().await
    }

    /// Establishes a new connection and returns it, for a protocol that is more
    /// than a request and its response, such as a WebSocket.
    ///
    /// # Errors
    ///
    /// [`RequestError`], whose [kind](RequestError::kind) is the step that
    /// failed.
    pub async fn open(
        &self,
    ) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static, RequestError> {
        self.connector.establish().await
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, RequestError> {
        let response = self.pool.request(request).await.map_err(|error| {
            match error
                .source()
                .and_then(<dyn Error>::downcast_ref::<RequestError>)
            {
                Some(connect) => connect.clone(),
                None => self.failed(error),
            }
        })?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, self.max_response_bytes).collect().await;
        match body {
            Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Err(self.error(
                RequestErrorKind::ResponseTooLarge,
                &format!("answered with more than {} bytes", self.max_response_bytes),
            )),
            Err(error) => Err(match error.downcast::<hyper::Error>() {
                Ok(error) => self.failed(*error),
                Err(error) => self.failed(io::Error::other(error)),
            }),
        }
    }

    /// Returns what the error of an exchange means.
    fn failed(&self, error: impl Error + Send + Sync + 'static) -> RequestError {
        if let Some(failure) = TlsFailure::below(&error, self.connector.client_certificate()) {
            return tls_error(&self.url.authority(), failure).with_source(error);
        }
        let mut http = None;
        let mut next: Option<&(dyn Error + 'static)> = Some(&error);
        while let Some(error) = next {
            http = http.or_else(|| error.downcast_ref::<hyper::Error>());
            next = error.source();
        }
        match http {
            Some(http) if http.is_parse() => {
                let hint = if self.url.is_https {
                    ""
                } else {
                    "; if it speaks TLS, use https://"
                };
                let what = format!("did not answer with HTTP/1.1: {http}{hint}");
                self.error(RequestErrorKind::Protocol, &what)
            }
            _ => self.error(
                RequestErrorKind::Closed,
                "closed the connection before its answer was complete",
            ),
        }
        .with_source(error)
    }

    fn error(&self, kind: RequestErrorKind, what: &str) -> RequestError {
        RequestError::new(kind, format!("{} {what}", self.url.authority()))
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("url", &self.url)
            .field("response_timeout", &self.response_timeout)
            .field("max_response_bytes", &self.max_response_bytes)
            .finish_non_exhaustive()
    }
}
