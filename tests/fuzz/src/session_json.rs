use dcv_resolver_core::Transport;
use dcv_resolver_static_file::Format;
use serde_json::Value;

use crate::session_file;

/// A session file in JSON: what holds for any session file, and a valid one is
/// JSON for the usual reader as well.
pub fn session_json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Some(sessions) = session_file::check(text, Format::Json) else {
        return;
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let object: Value = serde_json::from_str(text).expect("a valid session file is JSON");
    assert_eq!(object.as_object().unwrap().len(), sessions.len());
    for session in &sessions {
        let fields = &object[session.id().as_str()];
        let host = fields["Host"].as_str().map(str::parse);
        assert_eq!(host, Some(Ok(session.host().clone())));
        for (field, transport) in [("HttpPort", Transport::Http), ("QuicPort", Transport::Quic)] {
            assert_eq!(
                fields[field].as_u64(),
                session.port(transport).map(u64::from)
            );
        }
    }
}
