use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcv_resolver_core::{ChangeEvent, ChangeListener, ChangeSource, SessionId};
use dcv_resolver_redis::RedisStore;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use super::{BUSY_MACHINE, RECOVERED};

/// Within what time a change is to be told.
const CONTRACT: Duration = Duration::from_millis(100);
const TOLD: Duration = CONTRACT.saturating_add(BUSY_MACHINE);

/// Far longer than any machine needs.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a listener was called with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Changed(SessionId),
    All,
    Confirmed(std::time::Instant),
    Lost,
    Untold,
}

/// A listener that remembers every call.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    told: Mutex<Vec<(Told, Instant)>>,
    news: Notify,
}

impl Recorder {
    fn record(&self, told: Told) {
        self.told.lock().unwrap().push((told, Instant::now()));
        self.news.notify_waiters();
    }

    pub(crate) fn all(&self) -> Vec<Told> {
        let told = self.told.lock().unwrap();
        told.iter().map(|(told, _)| told.clone()).collect()
    }

    /// Waits for such a call after the first `mark` ones, and returns when it
    /// came.
    async fn find(&self, mark: usize, wanted: impl Fn(&Told) -> bool) -> Instant {
        loop {
            let news = self.news.notified();
            let told = self.told.lock().unwrap().clone();
            let mut rest = told.into_iter().skip(mark);
            if let Some((_, at)) = rest.find(|(told, _)| wanted(told)) {
                return at;
            }
            news.await;
        }
    }

    /// The order of calls that the contract prescribes.
    fn assert_order(&self) {
        let told = self.all();
        let mut is_lost = true;
        let mut last = None;
        for (position, call) in told.iter().enumerate() {
            match call {
                Told::All => is_lost = false,
                Told::Lost | Told::Untold => is_lost = true,
                Told::Changed(_) => assert!(!is_lost, "call {position} of {told:?}"),
                Told::Confirmed(moment) => {
                    assert!(!is_lost, "call {position} of {told:?}");
                    assert!(last <= Some(*moment), "call {position} of {told:?}");
                    last = Some(*moment);
                }
            }
        }
    }
}

impl ChangeListener for Recorder {
    fn on_change(&self, event: ChangeEvent<'_>) {
        match event {
            ChangeEvent::Changed(id) => {
                self.record(Told::Changed(id.clone()));
            }
            ChangeEvent::AllChanged => {
                self.record(Told::All);
            }
            ChangeEvent::CaughtUp(moment) => {
                self.record(Told::Confirmed(moment));
            }
            ChangeEvent::Disconnected => {
                self.record(Told::Lost);
            }
            ChangeEvent::Unsupported => {
                self.record(Told::Untold);
            }
            event => panic!("{event:?}"),
        }
    }
}

/// A store that tells a [`Recorder`] of changes, until this is dropped.
pub(crate) struct Telling {
    pub(crate) recorder: Arc<Recorder>,
    task: AbortHandle,
}

impl Telling {
    /// Does not wait for anything.
    pub(crate) fn begin(store: &RedisStore) -> Self {
        let recorder = Arc::new(Recorder::default());
        let telling = store.watch_changes(Arc::<Recorder>::clone(&recorder));
        Self {
            recorder,
            task: tokio::spawn(telling).abort_handle(),
        }
    }

    /// Waits until changes are confirmed.
    pub(crate) async fn start(store: &RedisStore) -> Self {
        let telling = Self::begin(store);
        telling.confirmed(0).await;
        telling
    }

    /// How many calls there have been.
    pub(crate) fn mark(&self) -> usize {
        self.recorder.all().len()
    }

    /// Waits for such a call after `mark`, and returns when it came.
    pub(crate) async fn until(
        &self,
        mark: usize,
        what: &str,
        wanted: impl Fn(&Told) -> bool,
    ) -> Instant {
        let found = timeout(PATIENCE, self.recorder.find(mark, wanted)).await;
        found.unwrap_or_else(|_| panic!("not told in time: {what}; {:?}", self.since(mark)))
    }

    /// Waits for this call after `mark`, which is to come soon after `made`.
    pub(crate) async fn soon(&self, mark: usize, made: Instant, wanted: &Told, what: &str) {
        let at = self.until(mark, what, |told| told == wanted).await;
        let took = at.saturating_duration_since(made);
        println!("| {what} | told after {took:?} |");
        assert!(took < TOLD, "{what}: {took:?}");
    }

    pub(crate) async fn lost(&self, mark: usize) -> Instant {
        self.until(mark, "lost", |told| *told == Told::Lost).await
    }

    pub(crate) async fn untold(&self, mark: usize) -> Instant {
        self.until(mark, "untold", |told| *told == Told::Untold)
            .await
    }

    /// Waits until a moment is confirmed that is yet to come.
    pub(crate) async fn confirmed(&self, mark: usize) {
        let now = Instant::now().into_std();
        let is_later = |told: &Told| matches!(told, Told::Confirmed(moment) if *moment >= now);
        self.until(mark, "confirmed", is_later).await;
    }

    /// After a fault: lost, then everything may have changed, then confirmed.
    pub(crate) async fn recovers(&self, mark: usize, fault: &str, mended: Instant) {
        self.lost(mark).await;
        let is_all = |told: &Told| *told == Told::All;
        let at = self.until(mark, "all changed", is_all).await;
        let took = at.saturating_duration_since(mended);
        println!("| {fault} | told again after {took:?} |");
        assert!(took < RECOVERED, "{fault}: {took:?}");
        self.confirmed(mark).await;
    }

    pub(crate) fn since(&self, mark: usize) -> Vec<Told> {
        self.recorder.all().split_off(mark)
    }

    /// Stops it, and waits until it has.
    pub(crate) async fn stop(self) -> Arc<Recorder> {
        let mark = self.mark();
        let recorder = Arc::clone(&self.recorder);
        self.task.abort();
        self.lost(mark).await;
        recorder
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        self.task.abort();
        if !std::thread::panicking() {
            self.recorder.assert_order();
        }
    }
}
