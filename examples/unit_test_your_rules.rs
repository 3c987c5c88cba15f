//! Unit tests of resolver logic: no network, no sleep, a clock that the test sets,
//! and stores, policies and listeners that do what the test demands.
//!
//! ```text
//! cargo test --example unit_test_your_rules
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

fn main() {
    println!("the tests are the example: cargo test --example unit_test_your_rules");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use dcv_resolver_core::testing::{
        FaultyStore, ManualClock, PolicyReply, RecordedEvent, RecordingListener, ScriptedPolicy,
        request, session,
    };
    use dcv_resolver_core::{
        ChangeEvent, ChangeListener, Clock, Denial, Expiry, LeaseToken, MemoryStore, Outcome,
        PolicyErrorKind, RegisterError, RenewError, ResolveRequest, Resolver, SessionRegistry,
        StoreErrorKind, Transport,
    };
    use tower::ServiceExt;

    const TOKEN: LeaseToken = LeaseToken::from_bytes([7; 16]);

    #[tokio::test]
    async fn known_session_is_found() {
        let resolver = Resolver::new(MemoryStore::from_iter([session("console")]));
        let outcome = resolver.resolve(&request("console")).await.unwrap();
        assert!(matches!(outcome, Outcome::Found(found) if found.port() == 8443));
    }

    #[tokio::test]
    async fn session_without_quic_is_not_found_over_quic() {
        let record = session("console").to_builder().quic_port(None);
        let resolver = Resolver::new(MemoryStore::from_iter([record.build().unwrap()]));
        let request = ResolveRequest::new("console".parse().unwrap(), Transport::Quic);
        let outcome = resolver.resolve(&request).await.unwrap();
        assert_eq!(outcome.reason(), Some("transport_not_offered"));
    }

    #[tokio::test]
    async fn lease_that_is_not_renewed_expires() {
        let clock = ManualClock::default();
        let expiry = Expiry::At(clock.now().saturating_add(Duration::from_secs(30)));
        let store = MemoryStore::from_iter([session("ann").with_expiry(expiry)]);
        let resolver = Resolver::new(store).with_clock(clock.clone());
        clock.advance(Duration::from_secs(30));
        let outcome = resolver.resolve(&request("ann")).await.unwrap();
        assert_eq!(outcome.reason(), Some("expired"));
    }

    #[tokio::test]
    async fn outage_is_an_error_until_the_store_recovers() {
        let store = FaultyStore::new(MemoryStore::new());
        let resolver = Resolver::new(store.clone());
        store.fail_with(StoreErrorKind::Unavailable);
        assert!(resolver.resolve(&request("ann")).await.is_err());
        store.recover();
        let outcome = resolver.resolve(&request("ann")).await.unwrap();
        assert_eq!(outcome.reason(), Some("unknown"));
    }

    #[tokio::test]
    async fn second_store_is_not_asked_about_a_session_of_the_first() {
        let first = MemoryStore::from_iter([session("ann")]);
        let second = FaultyStore::new(MemoryStore::new());
        let stores = Resolver::builder().store("first", first);
        let resolver = stores.store("second", second.clone()).build().unwrap();
        resolver.resolve(&request("ann")).await.unwrap();
        assert_eq!(second.calls().lookup, 0);
        resolver.resolve(&request("bob")).await.unwrap();
        assert_eq!(second.calls().lookup, 1);
    }

    #[tokio::test]
    async fn policy_denies_and_fails_by_name() {
        let deny = PolicyReply::Deny(Denial::new("the office is closed"));
        let down = PolicyReply::Fail(PolicyErrorKind::Unavailable);
        let policy = ScriptedPolicy::sequence("hours", [deny], down);
        let store = MemoryStore::from_iter([session("ann")]);
        let resolver = Resolver::builder().store("agents", store).policy(policy);
        let resolver = resolver.build().unwrap();
        let denied = resolver.resolve(&request("ann")).await.unwrap();
        assert_eq!(denied.reason(), Some("denied"));
        let error = resolver.resolve(&request("ann")).await.unwrap_err();
        assert_eq!(error.policy(), Some("hours"));
    }

    #[tokio::test]
    async fn register_whose_result_was_lost_is_safe_to_repeat() {
        let store = FaultyStore::new(MemoryStore::new());
        let (ann, now) = (session("ann"), ManualClock::default().now());
        store.lose_results(StoreErrorKind::TimedOut);
        let lost = store.register(&ann, &TOKEN, now).await;
        assert!(matches!(lost, Err(RegisterError::Store(_))));
        store.recover();
        store.register(&ann, &TOKEN, now).await.unwrap();
        assert_eq!(store.calls().register, 2);
    }

    #[tokio::test]
    async fn renew_of_a_session_that_was_swept_is_a_lost_lease() {
        let store = MemoryStore::new();
        let (ann, clock) = (session("ann"), ManualClock::default());
        let ann = ann.with_expiry(Expiry::At(clock.now()));
        store.register(&ann, &TOKEN, clock.now()).await.unwrap();
        assert_eq!(store.sweep(clock.now()).await.unwrap(), 1);
        let renewed = store
            .renew(ann.id(), &TOKEN, Expiry::Never, clock.now())
            .await;
        assert!(matches!(renewed, Err(RenewError::LeaseLost)));
    }

    #[tokio::test]
    async fn change_is_reported_to_the_listener() {
        let (listener, ann) = (RecordingListener::new(), session("ann"));
        // What your service does when a session changes.
        listener.on_change(ChangeEvent::Changed(ann.id()));
        let changed = RecordedEvent::Changed(ann.id().clone());
        assert_eq!(listener.events(), [changed]);
    }

    #[tokio::test(start_paused = true)]
    async fn store_that_hangs_or_fails_is_503_for_the_gateway() {
        let store = FaultyStore::new(MemoryStore::new());
        let router = dcv_resolver_http::router(Resolver::new(store.clone()));
        for fault in [
            FaultyStore::<MemoryStore>::hang as fn(&_),
            |store: &FaultyStore<_>| store.fail_with(StoreErrorKind::Unavailable),
        ] {
            fault(&store);
            let request = Request::post("/resolveSession?sessionId=ann").body(Body::empty());
            let response = router.clone().oneshot(request.unwrap()).await.unwrap();
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        }
    }
}
