//! A destination as the JSON of an answer.

use dcv_resolver_core::Resolution;
use serde_json::Error;

/// `found` as [`Resolution`] serialises itself, in a fifth of the instructions:
/// serde_json looks at each byte of each name and value for one to escape.
pub(crate) fn json(found: &Resolution) -> Result<Vec<u8>, Error> {
    let record = found.record();
    // Enough for all but long ids and paths.
    let mut json = Vec::with_capacity(256);
    json.extend_from_slice(br#"{"SessionId":"#);
    push(&mut json, record.target_id().as_str())?;
    json.extend_from_slice(br#","TransportProtocol":"#);
    push(&mut json, found.transport().as_str())?;
    json.extend_from_slice(br#","DcvServerEndpoint":"#);
    push(&mut json, record.host().as_str())?;
    json.extend_from_slice(br#","Port":"#);
    serde_json::to_writer(&mut json, &found.port())?;
    json.extend_from_slice(br#","WebUrlPath":"#);
    push(&mut json, record.web_url_path().as_str())?;
    json.push(b'}');
    Ok(json)
}

/// Appends `text` as a string.
fn push(json: &mut Vec<u8>, text: &str) -> Result<(), Error> {
    if !is_plain(text.as_bytes()) {
        return serde_json::to_writer(json, text);
    }
    json.push(b'"');
    json.extend_from_slice(text.as_bytes());
    json.push(b'"');
    Ok(())
}

/// Whether nothing in `text` is to be escaped. No branch depends on a byte, so
/// that the compiler can look at many at a time.
fn is_plain(text: &[u8]) -> bool {
    text.iter().fold(true, |plain, byte| {
        plain & (*byte >= b' ') & (*byte != b'"') & (*byte != b'\\')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use dcv_resolver_core::{Expiry, SessionId, SessionRecord, Transport, WebUrlPath};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_what_a_resolution_serialises_as(
            id in "[^\\p{Cc}]{1,40}|[ -~\"\\\\]{1,40}",
            path in "/[a-z\"']{0,20}",
            port in 1..=u16::MAX,
            quic: bool,
        ) {
            prop_assume!(SessionId::new(id.as_str()).is_ok());
            let mut record = SessionRecord::builder(
                id.parse().unwrap(),
                "ws-17.dcv.example".parse().unwrap(),
                Expiry::Never,
            );
            if let Ok(path) = WebUrlPath::new(path) {
                record = record.web_url_path(path);
            }
            let record = record.http_port(port).quic_port(port).build().unwrap();
            let transport = if quic { Transport::Quic } else { Transport::Http };
            let found = Resolution::new(record, transport).unwrap();
            prop_assert_eq!(json(&found).unwrap(), serde_json::to_vec(&found).unwrap());
        }
    }
}
