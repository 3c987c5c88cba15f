//! A store that a test switches between answers and outages.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcv_resolver_core::{
    Resolver, SessionId, SessionRecord, SessionStore, StoreError, StoreErrorKind, async_trait,
};
use tokio::time::sleep;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Answers,
    Fails,
    Hangs,
    Panics,
}

#[derive(Debug, Clone)]
pub(crate) struct SwitchStore {
    mode: Arc<Mutex<Mode>>,
    latency: Duration,
}

impl SwitchStore {
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            mode: Arc::new(Mutex::new(mode)),
            latency: Duration::ZERO,
        }
    }

    pub(crate) fn with_latency(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }

    pub(crate) fn set_mode(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    fn mode(&self) -> Mode {
        *self.mode.lock().unwrap()
    }
}

/// A resolver of this store, with the name `agents`.
pub(crate) fn over(store: &SwitchStore) -> Resolver {
    resolver([("agents", store.clone())])
}

pub(crate) fn resolver<S: SessionStore>(
    stores: impl IntoIterator<Item = (&'static str, S)>,
) -> Resolver {
    let stores = stores.into_iter();
    stores
        .fold(Resolver::builder(), |builder, (name, store)| {
            builder.store(name, store)
        })
        .build()
        .unwrap()
}

#[async_trait]
impl SessionStore for SwitchStore {
    async fn lookup(&self, _: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.ping().await.map(|()| None)
    }

    /// Fails if the store is out at the start or at the end of the ping.
    async fn ping(&self) -> Result<(), StoreError> {
        let before = self.mode();
        if before == Mode::Answers && !self.latency.is_zero() {
            sleep(self.latency).await;
        }
        for mode in [before, self.mode()] {
            match mode {
                Mode::Answers => {}
                Mode::Fails => {
                    let error = StoreError::new("switch", StoreErrorKind::Unavailable);
                    return Err(error.with_source("cache.example refuses"));
                }
                Mode::Hangs => std::future::pending().await,
                Mode::Panics => panic!("the test says so"),
            }
        }
        Ok(())
    }
}
