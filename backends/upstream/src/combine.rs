//! [`combine`]: makes one record from the answers for both transports.

use dcv_resolver_client::{Answer, Destination};
use dcv_resolver_core::{Expiry, InvalidRecord, SessionId, SessionRecord};

/// Why the answers for the two transports are not those of one session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Contradiction {
    #[error(
        "the upstream answers with different {0} for HTTP and QUIC; both must lead to the same session"
    )]
    Two(&'static str),
    #[error(transparent)]
    Invalid(#[from] InvalidRecord),
}

/// Returns the record of the session `id`, or `None` if the upstream offers it
/// for neither transport.
///
/// The record never expires: the cache in front of the store decides how long
/// it is served before the upstream is asked again.
pub(crate) fn combine(
    id: &SessionId,
    http: &Answer,
    quic: &Answer,
) -> Result<Option<SessionRecord>, Contradiction> {
    let (http, quic) = (http.destination(), quic.destination());
    let Some(either) = http.or(quic) else {
        return Ok(None);
    };
    if let (Some(http), Some(quic)) = (http, quic) {
        agree(http, quic)?;
    }
    let mut builder = SessionRecord::builder(id.clone(), either.host.clone(), Expiry::Never)
        .target_id(either.session_id.clone())
        .web_url_path(either.web_url_path.clone());
    if let Some(http) = http {
        builder = builder.http_port(http.port);
    }
    if let Some(quic) = quic {
        builder = builder.quic_port(quic.port);
    }
    Ok(Some(builder.build()?))
}

fn agree(http: &Destination, quic: &Destination) -> Result<(), Contradiction> {
    if http.host != quic.host {
        return Err(Contradiction::Two("hosts"));
    }
    if http.session_id != quic.session_id {
        return Err(Contradiction::Two("session ids"));
    }
    if http.web_url_path != quic.web_url_path {
        return Err(Contradiction::Two("paths"));
    }
    Ok(())
}
