//! Requests to the admin API, as bytes.

use std::fmt::Display;

/// The bearer token of a resolver that is measured.
pub(crate) const BEARER: &str = "tr0ub4dor-of-a-measurement-0123456789";

/// The lease token of all sessions.
pub(crate) const LEASE: &str = "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5";

/// Asks for a page, or another path of operators.
pub(crate) fn get(path: &str) -> Vec<u8> {
    request("GET", path, "")
}

/// Lists a page of sessions: the first, or the one that another named.
pub(crate) fn list(limit: usize, page: Option<&str>) -> Vec<u8> {
    // Ids, of which these tokens are made, need no escapes.
    let page = page.map_or_else(String::new, |page| format!("&page={page}"));
    get(&format!("/v1/sessions?limit={limit}{page}"))
}

/// Returns the page after the one that has this body.
pub(crate) fn next_page(body: &[u8]) -> Option<String> {
    let body = str::from_utf8(body).ok()?;
    let (_, rest) = body.rsplit_once(r#""next_page":""#)?;
    Some(rest.split_once('"')?.0.to_owned())
}

/// Registers a session for an hour.
pub(crate) fn register(id: impl Display, host: impl Display) -> Vec<u8> {
    let body = format!(r#"{{"host":"{host}","http_port":8443,"quic_port":8443,"ttl_ms":3600000}}"#);
    request("PUT", &format!("/v1/sessions/{id}"), &body)
}

/// Renews the lease of a session.
pub(crate) fn renew(id: impl Display, expires_at_ms: i64) -> Vec<u8> {
    let body = format!(r#"{{"expires_at_ms":{expires_at_ms}}}"#);
    request("POST", &format!("/v1/sessions/{id}/renew"), &body)
}

/// Removes a session.
pub(crate) fn deregister(id: impl Display) -> Vec<u8> {
    request("DELETE", &format!("/v1/sessions/{id}"), "")
}

fn request(method: &str, path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {BEARER}\r\nlease-token: {LEASE}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    request.into_bytes()
}
