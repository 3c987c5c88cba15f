//! Unit tests of resolver logic: no network, no sleep, a clock that the test sets,
//! and stores that fail on command.
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
    use std::error::Error;
    use std::time::Duration;

    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use dcv_resolver_core::testing::{ManualClock, Reply, ScriptedStore};
    use dcv_resolver_core::{
        Clock, Expiry, MemoryStore, ResolveRequest, Resolver, SessionRecord, StoreErrorKind,
        Transport,
    };
    use tower::ServiceExt;

    #[tokio::test]
    async fn lease_that_is_not_renewed_expires() -> Result<(), Box<dyn Error>> {
        let clock = ManualClock::default();
        let expiry = Expiry::At(clock.now().saturating_add(Duration::from_secs(30)));
        let record = SessionRecord::builder("ann".parse()?, "ws.example".parse()?, expiry);
        let store = MemoryStore::from_iter([record.http_port(8443).build()?]);
        let resolver = Resolver::new(store).with_clock(clock.clone());
        clock.advance(Duration::from_secs(30));
        let request = ResolveRequest::new("ann".parse()?, Transport::Http);
        assert_eq!(resolver.resolve(&request).await?.reason(), Some("expired"));
        Ok(())
    }

    async fn status(reply: Reply) -> StatusCode {
        let router = dcv_resolver_http::router(Resolver::new(ScriptedStore::always(reply)));
        let request = Request::post("/resolveSession?sessionId=ann&transport=HTTP");
        let request = request.body(Body::empty()).unwrap();
        router.oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn unknown_session_is_404() {
        assert_eq!(status(Reply::Absent).await, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn outage_of_the_store_is_503() {
        let down = Reply::Fail(StoreErrorKind::Unavailable);
        assert_eq!(status(down).await, StatusCode::SERVICE_UNAVAILABLE);
    }
}
