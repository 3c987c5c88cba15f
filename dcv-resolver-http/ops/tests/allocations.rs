//! What a recent decision costs a request, and all of them the process. They need an
//! allocator of their own, so this is a test binary of its own.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

use dcv_resolver_core::testing::request;
use dcv_resolver_core::{Expiry, NotFound, Resolution, SessionRecord, Transport};
use dcv_resolver_http::{Decision, DecisionObserver, Problem, testing};
use dcv_resolver_ops::RecentDecisions;

/// Returns a decision of each kind.
fn decisions(id: &str) -> [Decision; 2] {
    let host = "ws-17.dcv.example".parse().unwrap();
    let record = SessionRecord::builder("console".parse().unwrap(), host, Expiry::Never);
    let record = record.http_port(8443).build().unwrap();
    let found = Resolution::new(record, Transport::Http).unwrap();
    [
        decision(id, Ok(found)),
        decision(id, Err(Problem::NotFound(NotFound::Unknown))),
    ]
}

fn decision(id: &str, result: Result<Resolution, Problem>) -> Decision {
    let mut decision = testing::decision(result);
    decision.request = Some(request(id));
    decision.store = Some("agents".into());
    decision.request_id = "0123456789abcdef0123456789abcdef".parse().unwrap();
    decision
}

#[test]
fn recent_decision_costs_no_allocation() {
    let recent = RecentDecisions::new();
    let (first, next) = (decisions("console"), decisions(&"a".repeat(256)));
    for _ in 0..200 {
        first.iter().for_each(|it| recent.on_decision(it));
    }
    let counted = allocation_counter::measure(|| {
        for _ in 0..1_000 {
            next.iter().for_each(|it| recent.on_decision(it));
        }
    });
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

#[test]
fn memory_is_bounded() {
    let counted = allocation_counter::measure(|| {
        let recent = RecentDecisions::new();
        for _ in 0..1_000 {
            for mut decision in decisions(&"a".repeat(256)) {
                decision.request_id = "x".repeat(128).parse().unwrap();
                recent.on_decision(&decision);
            }
        }
    });
    assert!(counted.bytes_max < 300_000, "{counted:?}");
}
