//! A destination as the body of a response.

use dcv_resolver_core::Resolution;

/// Returns what [`Resolution`] serializes to.
///
/// serde_json looks at each byte of each name and value for one to escape, which
/// takes 5 % of the instructions of a whole request. Only an id can have one: a
/// host and a path have no quote, no backslash and no control character.
#[expect(clippy::expect_used, reason = "a string serializes")]
pub(crate) fn to_json(resolution: &Resolution) -> String {
    let record = resolution.record();
    let id = serde_json::to_string(record.target_id().as_str()).expect("a string serializes");
    let port = resolution.port().to_string();
    [
        r#"{"SessionId":"#,
        &id,
        r#","TransportProtocol":""#,
        resolution.transport().as_str(),
        r#"","DcvServerEndpoint":""#,
        record.host().as_str(),
        r#"","Port":"#,
        &port,
        r#","WebUrlPath":""#,
        record.web_url_path().as_str(),
        r#""}"#,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dcv_resolver_core::{Expiry, Host, SessionId, SessionRecord, Transport, WebUrlPath};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn resolution_is_written_as_it_serializes(
            id in "[ -~]{1,40}|\\PC{1,40}",
            host in "[ -~]{1,20}|[a-z0-9.-]{1,20}|[0-9a-f:]{2,20}",
            path in "/[ -~]{0,20}",
            port in 1..=u16::MAX,
            quic: bool,
        ) {
            // Whatever these types accept.
            let Ok(id) = SessionId::new(id) else { return Ok(()) };
            let host = host.parse().unwrap_or_else(|_| Host::new("ws-17.dcv.example").unwrap());
            let path = WebUrlPath::new(path).unwrap_or_default();
            let record = SessionRecord::builder(id, host, Expiry::Never)
                .http_port(port)
                .quic_port(port)
                .web_url_path(path)
                .build()
                .unwrap();
            let transport = if quic { Transport::Quic } else { Transport::Http };
            let resolution = Resolution::new(record, transport).unwrap();
            prop_assert_eq!(to_json(&resolution), serde_json::to_string(&resolution).unwrap());
        }
    }
}
