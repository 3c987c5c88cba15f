//! What a recent decision costs a request, and all of them the process. They need an
//! allocator of their own, so this is a test binary of its own.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

use dcv_resolver_core::NotFound;
use dcv_resolver_core::testing::request;
use dcv_resolver_http::{Decision, DecisionObserver, Problem, testing};
use dcv_resolver_ops::RecentDecisions;

fn decision(id: &str) -> Decision {
    let mut decision = testing::decision(Err(Problem::NotFound(NotFound::Unknown)));
    decision.request = Some(request(id));
    decision.store = Some("agents".into());
    decision.request_id = "0123456789abcdef0123456789abcdef".parse().unwrap();
    decision
}

#[test]
fn recent_decision_costs_no_allocation() {
    let recent = RecentDecisions::new();
    let (first, next) = (decision("console"), decision(&"a".repeat(256)));
    for _ in 0..200 {
        recent.on_decision(&first);
    }
    let counted = allocation_counter::measure(|| {
        for _ in 0..1_000 {
            recent.on_decision(&next);
        }
    });
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

#[test]
fn memory_is_bounded() {
    let counted = allocation_counter::measure(|| {
        let recent = RecentDecisions::new();
        for _ in 0..1_000 {
            let mut decision = decision(&"a".repeat(256));
            decision.request_id = "x".repeat(128).parse().unwrap();
            recent.on_decision(&decision);
        }
    });
    assert!(counted.bytes_max < 150_000, "{counted:?}");
}
