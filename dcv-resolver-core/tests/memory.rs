//! How much memory a record takes: a file of its own, since it counts with an
//! allocator of its own.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

use allocation_counter::AllocationInfo;
use dcv_resolver_core::{Expiry, SessionId, SessionRecord, SessionRecordBuilder};

const UUID: &str = "9e3779b9-7f4a-7c15-f39c-c0605cedc835";

fn record(id: &str, host: &str) -> SessionRecordBuilder {
    SessionRecord::builder(id.parse().unwrap(), host.parse().unwrap(), Expiry::Never)
        .http_port(8443)
        .quic_port(8443)
}

fn counted(build: impl FnOnce() -> SessionRecordBuilder) -> (SessionRecord, AllocationInfo) {
    let mut record = None;
    let info = allocation_counter::measure(|| record = Some(build().build().unwrap()));
    (record.unwrap(), info)
}

#[test]
fn usual_record_takes_three_allocations_and_176_bytes() {
    let (record, info) = counted(|| record(UUID, "ws-123456.dcv.example"));
    // The record, its id and its host.
    assert_eq!(info.count_current, 3, "{info:?}");
    assert!(info.bytes_current <= 152, "{info:?}");
    assert_eq!(record.memory_bytes(), 176);
}

#[test]
fn record_takes_at_most_its_memory_bytes() {
    let long = "a".repeat(200);
    let host = "a-long-label.".repeat(5) + "example";
    let with_labels = |count: usize| {
        (0..count).fold(record(UUID, "192.0.2.7"), |record, number| {
            record.label(format!("a name {number}"), "a value")
        })
    };
    let builds: [&dyn Fn() -> SessionRecordBuilder; 9] = [
        &|| record("console", "192.0.2.7"),
        &|| record(&long, &host),
        &|| record(UUID, "192.0.2.7").target_id("console".parse::<SessionId>().unwrap()),
        &|| record(UUID, "192.0.2.7").target_id(long.parse::<SessionId>().unwrap()),
        &|| record(UUID, "192.0.2.7").web_url_path("/desktop".parse().unwrap()),
        &|| record(UUID, "192.0.2.7").owner("ann"),
        &|| with_labels(1),
        &|| with_labels(12),
        &|| with_labels(1_000),
    ];
    for build in builds {
        let (record, info) = counted(build);
        // What surrounds an allocation is not counted: 8 bytes at the least.
        let least = info.bytes_current + 8 * info.count_current;
        let least = usize::try_from(least).unwrap();
        let said = record.memory_bytes();
        assert!(said >= least, "{said} bytes of {least}: {record:?}");
        assert!(said <= least * 3, "{said} bytes of {least}: {record:?}");
    }
}
