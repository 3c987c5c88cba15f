//! Changes to records and expiries.

use dcv_resolver_core::{Expiry, SessionRecord, Timestamp, Transport};

pub(crate) fn without_labels(record: &SessionRecord) -> SessionRecord {
    let kept = without_owner_and_labels(record).to_builder();
    match record.owner() {
        Some(owner) => kept.owner(owner),
        None => kept,
    }
    .build()
    .unwrap()
}

pub(crate) fn without_owner(record: &SessionRecord) -> SessionRecord {
    let mut kept = without_owner_and_labels(record).to_builder();
    for (name, value) in record.labels() {
        kept = kept.label(name, value);
    }
    kept.build().unwrap()
}

fn without_owner_and_labels(record: &SessionRecord) -> SessionRecord {
    let mut kept =
        SessionRecord::builder(record.id().clone(), record.host().clone(), record.expiry())
            .target_id(record.target_id().clone())
            .web_url_path(record.web_url_path().clone())
            .state(record.state());
    if let Some(port) = record.port(Transport::Http) {
        kept = kept.http_port(port);
    }
    if let Some(port) = record.port(Transport::Quic) {
        kept = kept.quic_port(port);
    }
    kept.build().unwrap()
}

pub(crate) fn map_ms(expiry: Expiry, change: impl Fn(i64) -> i64) -> Expiry {
    match expiry {
        Expiry::Never => Expiry::Never,
        Expiry::At(at) => Expiry::At(Timestamp::from_unix_ms(change(at.as_unix_ms()))),
    }
}

pub(crate) fn add_ms(expiry: Expiry, ms: i64) -> Expiry {
    map_ms(expiry, |at_ms| at_ms.saturating_add(ms))
}
