//! Many listings at once.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::header::RETRY_AFTER;
use dcv_resolver_core::{
    Expiry, LeaseToken, ListError, Page, PageToken, RegisterError, RenewError, SessionId,
    SessionListing, SessionRecord, SessionRegistry, SessionStore, StoreError, Timestamp,
    async_trait,
};
use futures_util::future::join_all;
use tokio::sync::Semaphore;

use crate::fixture::{App, READER, bearing};

/// Lists when it is allowed to, and counts how many listings wait for that.
#[derive(Debug)]
struct Gated {
    gate: Arc<Semaphore>,
    running: Arc<AtomicUsize>,
}

#[async_trait]
impl SessionStore for Gated {
    async fn lookup(&self, _: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        Ok(None)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl SessionListing for Gated {
    async fn list(&self, _: Option<&PageToken>, _: NonZeroUsize) -> Result<Page, ListError> {
        self.running.fetch_add(1, Ordering::Relaxed);
        self.gate.acquire().await.unwrap().forget();
        self.running.fetch_sub(1, Ordering::Relaxed);
        Ok(Page::new(Vec::new(), None))
    }
}

#[async_trait]
impl SessionRegistry for Gated {
    async fn register(
        &self,
        _: &SessionRecord,
        _: &LeaseToken,
        _: Timestamp,
    ) -> Result<(), RegisterError> {
        Ok(())
    }

    async fn renew(
        &self,
        _: &SessionId,
        _: &LeaseToken,
        _: Expiry,
        _: Timestamp,
    ) -> Result<(), RenewError> {
        Ok(())
    }

    async fn deregister(&self, _: &SessionId, _: &LeaseToken) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn sweep(&self, _: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn two_listings_run_at_once_and_others_wait_for_a_second() {
    let gate = Arc::new(Semaphore::new(0));
    let running = Arc::new(AtomicUsize::new(0));
    let app = App::over(Gated {
        gate: Arc::clone(&gate),
        running: Arc::clone(&running),
    });
    let list = async || {
        let request = bearing(READER, "GET", "/v1/sessions");
        app.send(request.body(Body::empty()).unwrap()).await
    };
    let few = async {
        let answers = join_all((0..2).map(|_| list())).await;
        for answer in answers {
            answer.expect(200, "");
        }
    };
    let many = async {
        for answer in join_all((0..20).map(|_| list())).await {
            answer.expect(429, "too_many_listings");
            assert_eq!(answer.headers[RETRY_AFTER], "1");
        }
        assert_eq!(running.load(Ordering::Relaxed), 2);
        // Other requests do not wait for listings.
        app.get("/v1/sessions/a").await.expect(404, "unknown");
        gate.add_permits(2);
    };
    tokio::join!(biased; few, many);

    // One that waits takes the place of one that ends.
    let waiting = async {
        for answer in join_all((0..20).map(|_| list())).await {
            answer.expect(200, "");
        }
    };
    gate.add_permits(20);
    waiting.await;
}

#[tokio::test(start_paused = true)]
async fn abandoned_listing_makes_room() {
    let gate = Arc::new(Semaphore::new(0));
    let app = App::over(Gated {
        gate: Arc::clone(&gate),
        running: Arc::default(),
    });
    let list = || {
        let request = bearing(READER, "GET", "/v1/sessions");
        app.send(request.body(Body::empty()).unwrap())
    };
    {
        let mut abandoned = std::pin::pin!(join_all([list(), list()]));
        assert!(futures_util::poll!(&mut abandoned).is_pending());
    }
    gate.add_permits(1);
    list().await.expect(200, "");
}
