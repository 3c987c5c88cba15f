//! [`Probe`]: one request to a resolver, and its answer.

use std::net::IpAddr;

use dcv_resolver_client::{
    Bytes, HeaderMap, HttpClient, Method, RequestError, Response, StatusCode, header,
};
use dcv_resolver_core::SessionId;
use dcv_resolver_core::escape::escaped;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

const MAX_SENT_BYTES: usize = 160;
const MAX_BODY_BYTES: usize = 200;

/// What a resolver resolves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) session: &'a SessionId,
    pub(super) client_ip: IpAddr,
}

/// A request. In its path and query, `{id}` is the known session, percent-encoded,
/// `{other}` the same id in other capitals, `{long}` an id that is too long, and
/// `{ip}` the address of the client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probe {
    pub(super) method: ProbeMethod,
    pub(super) path_and_query: &'static str,
    /// JSON.
    pub(super) body: &'static str,
    pub(super) request_id: Option<&'static str>,
}

/// The method of a request. [`Method`] cannot be changed in a constant.
#[derive(Debug, Clone, Copy)]
pub(super) enum ProbeMethod {
    Post,
    Get,
    Put,
}

impl From<ProbeMethod> for Method {
    fn from(method: ProbeMethod) -> Self {
        match method {
            ProbeMethod::Post => Self::POST,
            ProbeMethod::Get => Self::GET,
            ProbeMethod::Put => Self::PUT,
        }
    }
}

impl Probe {
    /// Returns a request as the gateway sends it.
    pub(super) const fn post(path_and_query: &'static str) -> Self {
        Self {
            method: ProbeMethod::Post,
            path_and_query,
            body: "",
            request_id: None,
        }
    }

    /// Returns the request with another method.
    pub(super) const fn method(mut self, method: ProbeMethod) -> Self {
        self.method = method;
        self
    }

    /// Returns the request with a body.
    pub(super) const fn body(mut self, body: &'static str) -> Self {
        self.body = body;
        self
    }

    /// Returns the request with `x-request-id`.
    pub(super) const fn request_id(mut self, id: &'static str) -> Self {
        self.request_id = Some(id);
        self
    }

    fn target(&self, known: Known<'_>) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let id = known.session.as_str();
        // A gateway does not encode the dots of an address.
        let client_ip = known.client_ip.to_string().replace(':', "%3A");
        self.path_and_query
            .replace("{ip}", &client_ip)
            .replace("{id}", &encoded(id))
            .replace("{other}", &encoded(&in_other_case(id)))
            .replace("{long}", &"a".repeat(SessionId::MAX_BYTES + 1))
    }

    /// Returns whether it can be sent for this session.
    pub(super) fn is_applicable(&self, known: &SessionId) -> bool {
        let id = known.as_str();
        !self.path_and_query.contains("{other}") || in_other_case(id) != id
    }

    pub(super) async fn send(&self, client: &HttpClient, known: Known<'_>) -> Exchange {
        let target = self.target(known);
        let shown = escaped(&target, MAX_SENT_BYTES);
        let method = Method::from(self.method);
        let mut sent = format!("{method} {shown}");
        let mut headers = HeaderMap::new();
        let json = header::HeaderValue::from_static("application/json");
        headers.insert(header::ACCEPT, json.clone());
        if self.body.is_empty() {
            // As the gateway does: some servers answer 411 to a POST without it.
            let none = header::HeaderValue::from_static("0");
            headers.insert(header::CONTENT_LENGTH, none);
        } else {
            headers.insert(header::CONTENT_TYPE, json);
            sent = format!("{sent} with the body {}", self.body);
        }
        if let Some(id) = self.request_id {
            headers.insert("x-request-id", header::HeaderValue::from_static(id));
            sent = format!("{sent} with x-request-id: {id}");
        }
        let body = Bytes::from_static(self.body.as_bytes());
        Exchange {
            result: client.send(method, &target, headers, body).await,
            sent,
        }
    }
}

/// Returns the id with its ASCII letters in the other case.
fn in_other_case(id: &str) -> String {
    let swap = |character: char| {
        if character.is_ascii_lowercase() {
            character.to_ascii_uppercase()
        } else {
            character.to_ascii_lowercase()
        }
    };
    id.chars().map(swap).collect()
}

/// A request and its answer.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) sent: String,
    pub(super) result: Result<Response<Bytes>, RequestError>,
}

impl Exchange {
    pub(super) fn status(&self) -> Option<StatusCode> {
        self.result.as_ref().ok().map(Response::status)
    }

    /// Returns the value of a header, if it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let response = self.result.as_ref().ok()?;
        response.headers().get(name)?.to_str().ok()
    }

    pub(super) fn body(&self) -> &[u8] {
        self.result.as_ref().map_or(&[], |response| response.body())
    }

    /// Returns the answer in one line.
    pub(super) fn answered(&self) -> String {
        let response = match &self.result {
            Ok(response) => response,
            Err(error) => return error.to_string(),
        };
        let status = response.status().as_u16();
        let content_type = self.header("content-type").unwrap_or("no content type");
        let content_type = escaped(content_type, MAX_SENT_BYTES);
        let body = String::from_utf8_lossy(response.body());
        let body = escaped(body.trim_end(), MAX_BODY_BYTES);
        format!("{status}, {content_type}, {body}")
    }
}
