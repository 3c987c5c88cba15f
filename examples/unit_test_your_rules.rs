//! Unit tests of resolver logic: no network, no sleep, a clock set by hand, and
//! stores that fail on command.
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
    use dcv_resolver_core::testing::{ManualClock, Reply, ScriptedStore};
    use dcv_resolver_core::{
        Clock, Expiry, MemoryStore, NotFound, Outcome, ResolveRequest, Resolver, SessionRecord,
        StoreErrorKind, Transport,
    };
    use tower::ServiceExt;

    #[tokio::test]
    async fn lease_that_is_not_renewed_expires() {
        let clock = ManualClock::default();
        let expiry = Expiry::At(clock.now().saturating_add(Duration::from_secs(30)));
        let record = SessionRecord::builder(
            "ann".parse().unwrap(),
            "ws.example".parse().unwrap(),
            expiry,
        );
        let store = MemoryStore::from_iter([record.http_port(8443).build().unwrap()]);
        let resolver = Resolver::new(store).with_clock(clock.clone());
        let request = ResolveRequest::new("ann".parse().unwrap(), Transport::Http);

        clock.advance(Duration::from_secs(30));
        let outcome = resolver.resolve(&request).await.unwrap();
        assert!(matches!(
            outcome,
            Outcome::NotFound(NotFound::Expired { .. })
        ));
    }

    #[tokio::test]
    async fn outage_is_503_and_unknown_session_is_404() {
        for (reply, status) in [
            (Reply::Absent, StatusCode::NOT_FOUND),
            (
                Reply::Fail(StoreErrorKind::Unavailable),
                StatusCode::SERVICE_UNAVAILABLE,
            ),
        ] {
            let resolver = Resolver::new(ScriptedStore::always(reply));
            let request = Request::post("/resolveSession?sessionId=ann&transport=HTTP");
            let answer = dcv_resolver_http::router(resolver)
                .oneshot(request.body(Body::empty()).unwrap())
                .await
                .unwrap();
            assert_eq!(answer.status(), status);
        }
    }
}
