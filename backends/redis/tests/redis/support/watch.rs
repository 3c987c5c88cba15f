use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcv_resolver_core::{ChangeEvent, ChangeListener, ChangeSource, SessionId};
use dcv_resolver_redis::RedisStore;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use super::{BUSY_MACHINE, RECOVERED};

/// Within what time a change is to be reported.
const CONTRACT: Duration = Duration::from_millis(100);
const REPORTED: Duration = CONTRACT.saturating_add(BUSY_MACHINE);

/// Far longer than any machine needs.
const PATIENCE: Duration = Duration::from_secs(30);

/// An event that a listener received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reported {
    Changed(SessionId),
    AllChanged,
    CaughtUp(std::time::Instant),
    Disconnected,
    Unsupported,
}

/// A listener that remembers every call.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    events: Mutex<Vec<(Reported, Instant)>>,
    news: Notify,
}

impl Recorder {
    fn record(&self, event: Reported) {
        self.events.lock().unwrap().push((event, Instant::now()));
        self.news.notify_waiters();
    }

    pub(crate) fn all(&self) -> Vec<Reported> {
        let events = self.events.lock().unwrap();
        events.iter().map(|(event, _)| event.clone()).collect()
    }

    /// Waits for such a call after the first `mark` ones, and returns when it
    /// came.
    async fn find(&self, mark: usize, wanted: impl Fn(&Reported) -> bool) -> Instant {
        loop {
            let news = self.news.notified();
            let events = self.events.lock().unwrap().clone();
            let mut rest = events.into_iter().skip(mark);
            if let Some((_, at)) = rest.find(|(event, _)| wanted(event)) {
                return at;
            }
            news.await;
        }
    }

    /// The order of calls that the contract prescribes.
    fn assert_order(&self) {
        let events = self.all();
        let mut has_gap = true;
        let mut last = None;
        for (position, call) in events.iter().enumerate() {
            match call {
                Reported::AllChanged => has_gap = false,
                Reported::Disconnected | Reported::Unsupported => has_gap = true,
                Reported::Changed(_) => assert!(!has_gap, "call {position} of {events:?}"),
                Reported::CaughtUp(moment) => {
                    assert!(!has_gap, "call {position} of {events:?}");
                    assert!(last <= Some(*moment), "call {position} of {events:?}");
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
                self.record(Reported::Changed(id.clone()));
            }
            ChangeEvent::AllChanged => {
                self.record(Reported::AllChanged);
            }
            ChangeEvent::CaughtUp(moment) => {
                self.record(Reported::CaughtUp(moment));
            }
            ChangeEvent::Disconnected => {
                self.record(Reported::Disconnected);
            }
            ChangeEvent::Unsupported => {
                self.record(Reported::Unsupported);
            }
            event => panic!("{event:?}"),
        }
    }
}

/// A store that reports changes to a [`Recorder`], until this is dropped.
pub(crate) struct Watch {
    pub(crate) recorder: Arc<Recorder>,
    task: AbortHandle,
}

impl Watch {
    /// Does not wait for anything.
    pub(crate) fn begin(store: &RedisStore) -> Self {
        let recorder = Arc::new(Recorder::default());
        let watch = store.watch_changes(Arc::<Recorder>::clone(&recorder));
        Self {
            recorder,
            task: tokio::spawn(watch).abort_handle(),
        }
    }

    /// Waits until the source is caught up.
    pub(crate) async fn start(store: &RedisStore) -> Self {
        let watch = Self::begin(store);
        watch.caught_up(0).await;
        watch
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
        wanted: impl Fn(&Reported) -> bool,
    ) -> Instant {
        let found = timeout(PATIENCE, self.recorder.find(mark, wanted)).await;
        found.unwrap_or_else(|_| panic!("not reported in time: {what}; {:?}", self.since(mark)))
    }

    /// Waits for this call after `mark`, which is to come soon after `made`.
    pub(crate) async fn soon(&self, mark: usize, made: Instant, wanted: &Reported, what: &str) {
        let at = self.until(mark, what, |event| event == wanted).await;
        let took = at.saturating_duration_since(made);
        println!("| {what} | reported after {took:?} |");
        assert!(took < REPORTED, "{what}: {took:?}");
    }

    pub(crate) async fn disconnected(&self, mark: usize) -> Instant {
        self.until(mark, "disconnected", |event| {
            *event == Reported::Disconnected
        })
        .await
    }

    pub(crate) async fn unsupported(&self, mark: usize) -> Instant {
        self.until(mark, "unsupported", |event| *event == Reported::Unsupported)
            .await
    }

    /// Waits until the source has caught up with a moment after the call.
    pub(crate) async fn caught_up(&self, mark: usize) {
        let now = Instant::now().into_std();
        let is_later =
            |event: &Reported| matches!(event, Reported::CaughtUp(moment) if *moment >= now);
        self.until(mark, "caught up", is_later).await;
    }

    /// After a fault: disconnected, then everything may have changed, then caught up.
    pub(crate) async fn recovers(&self, mark: usize, fault: &str, repaired: Instant) {
        self.disconnected(mark).await;
        let is_all = |event: &Reported| *event == Reported::AllChanged;
        let at = self.until(mark, "all changed", is_all).await;
        let took = at.saturating_duration_since(repaired);
        println!("| {fault} | reported again after {took:?} |");
        assert!(took < RECOVERED, "{fault}: {took:?}");
        self.caught_up(mark).await;
    }

    pub(crate) fn since(&self, mark: usize) -> Vec<Reported> {
        self.recorder.all().split_off(mark)
    }

    /// Stops it, and waits until it has.
    pub(crate) async fn stop(self) -> Arc<Recorder> {
        let mark = self.mark();
        let recorder = Arc::clone(&self.recorder);
        self.task.abort();
        self.disconnected(mark).await;
        recorder
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
        if !std::thread::panicking() {
            self.recorder.assert_order();
        }
    }
}
