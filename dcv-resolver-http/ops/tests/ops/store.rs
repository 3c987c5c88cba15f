//! A store that does as it is told, from one moment to the next.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcv_resolver_core::{
    Resolver, SessionId, SessionRecord, SessionStore, StoreError, StoreErrorKind, async_trait,
};
use tokio::time::sleep;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Answers,
    Fails,
    Hangs,
    Panics,
}

#[derive(Debug, Clone)]
pub(crate) struct MoodyStore {
    mood: Arc<Mutex<Mood>>,
    latency: Duration,
}

impl MoodyStore {
    pub(crate) fn new(mood: Mood) -> Self {
        Self {
            mood: Arc::new(Mutex::new(mood)),
            latency: Duration::ZERO,
        }
    }

    pub(crate) fn with_latency(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }

    pub(crate) fn becomes(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap()
    }
}

/// The resolver of one store.
pub(crate) fn over(store: &MoodyStore) -> Resolver {
    Resolver::new(store.clone()).with_store_name("agents")
}

#[async_trait]
impl SessionStore for MoodyStore {
    async fn lookup(&self, _: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.ping().await.map(|()| None)
    }

    /// What goes wrong at either end of it is lost.
    async fn ping(&self) -> Result<(), StoreError> {
        let before = self.mood();
        if before == Mood::Answers && !self.latency.is_zero() {
            sleep(self.latency).await;
        }
        for mood in [before, self.mood()] {
            match mood {
                Mood::Answers => {}
                Mood::Fails => {
                    let error = StoreError::new("moody", StoreErrorKind::Unavailable);
                    return Err(error.with_source("cache.example refuses"));
                }
                Mood::Hangs => std::future::pending().await,
                Mood::Panics => panic!("what a mood"),
            }
        }
        Ok(())
    }
}
