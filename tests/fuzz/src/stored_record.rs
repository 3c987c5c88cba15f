use dcv_resolver_core::stored_form::{Header, VERSION};
use dcv_resolver_core::{Expiry, SessionRecord, Transport};
use serde_json::Value;

/// A record in its stored form: reads back what it read, and distinguishes one of
/// a newer version from a damaged one.
pub fn stored_record(data: &[u8]) {
    let header = serde_json::from_slice::<Header>(data);
    match serde_json::from_slice::<SessionRecord>(data) {
        Ok(record) => {
            assert_eq!(header.expect("a record has a header").check(), Ok(()));
            // The reader of records skips the text of an unknown field, which need
            // not be Unicode, nor nested only so deep.
            if let Ok(value) = serde_json::from_slice::<Value>(data) {
                assert_eq!(value["id"], record.id().as_str());
                assert_eq!(value["http_port"].as_u64(), port(&record, Transport::Http));
                assert_eq!(value["quic_port"].as_u64(), port(&record, Transport::Quic));
                let is_never = record.expiry() == Expiry::Never;
                assert_eq!(value["expires_at_ms"].is_null(), is_never);
            }
            let written = serde_json::to_vec(&record).expect("a record is written");
            let again: SessionRecord = serde_json::from_slice(&written).expect("it was written");
            assert_eq!(again, record);
            assert_eq!(record.to_builder().build().as_ref(), Ok(&record));
        }
        Err(_) => {
            if let Ok(Err(newer)) = header.map(Header::check) {
                assert!(newer.version > VERSION);
            }
        }
    }
}

fn port(record: &SessionRecord, transport: Transport) -> Option<u64> {
    record.port(transport).map(u64::from)
}
