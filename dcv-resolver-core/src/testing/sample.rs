use crate::{Expiry, Host, ResolveRequest, SessionId, SessionRecord, Transport};

/// Returns a session that every rule accepts: it never expires, is ready, and
/// offers both transports on port 8443 of `ws-17.dcv.example`.
///
/// Change it with [`to_builder`](SessionRecord::to_builder), or with
/// [`with_expiry`](SessionRecord::with_expiry).
///
/// # Panics
///
/// When `id` is not a valid session id.
#[must_use]
#[track_caller]
#[expect(clippy::expect_used, reason = "it has a port")]
pub fn session(id: &str) -> SessionRecord {
    SessionRecord::builder(session_id(id), host(), Expiry::Never)
        .http_port(8443)
        .quic_port(8443)
        .build()
        .expect("a record with ports")
}

/// Returns a request for the session `id` over HTTP, from an unknown client.
///
/// # Panics
///
/// When `id` is not a valid session id.
#[must_use]
#[track_caller]
pub fn request(id: &str) -> ResolveRequest {
    ResolveRequest::new(session_id(id), Transport::Http)
}

#[track_caller]
#[expect(clippy::panic, reason = "a test stops at the first failure")]
fn session_id(text: &str) -> SessionId {
    SessionId::new(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

#[expect(clippy::expect_used, reason = "the name is a constant")]
fn host() -> Host {
    Host::new("ws-17.dcv.example").expect("a valid host")
}
