//! [`Watch`]: what a change source reports, and when.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dcv_resolver_core::testing::RecordedEvent;
use dcv_resolver_core::{BoxFuture, ChangeEvent, ChangeListener, ChangeSource, SessionId};
use tokio::sync::watch::Sender;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::Fixture;

/// A store that is watched until this is dropped.
pub(crate) struct Watch {
    recorder: Arc<Recorder>,
    watching: JoinHandle<()>,
    patience: Duration,
}

/// Records every event with the time at which it came.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    events: Mutex<Vec<(RecordedEvent, Instant)>>,
    news: Sender<()>,
}

impl Recorder {
    pub(crate) fn events(&self) -> Vec<(RecordedEvent, Instant)> {
        self.lock().clone()
    }

    pub(crate) fn last(&self) -> Option<RecordedEvent> {
        self.lock().last().map(|(event, _)| event.clone())
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(RecordedEvent, Instant)>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChangeListener for Recorder {
    fn on_change(&self, event: ChangeEvent<'_>) {
        let mut events = self.lock();
        events.push((event.into(), Instant::now()));
        self.news.send_replace(());
    }
}

impl Watch {
    /// Polls `source`, which reports to `recorder`.
    pub(crate) fn over(
        fixture: &impl Fixture,
        recorder: Arc<Recorder>,
        source: BoxFuture<'static, ()>,
    ) -> Self {
        Self {
            recorder,
            watching: tokio::spawn(source),
            patience: fixture.timeout(),
        }
    }

    /// Watches `store`, and waits until the source is caught up.
    pub(crate) async fn start(fixture: &impl Fixture, store: &impl ChangeSource) -> Self {
        let recorder = Arc::new(Recorder::default());
        let source = store.watch_changes(Arc::<Recorder>::clone(&recorder));
        let watch = Self::over(fixture, recorder, source);
        watch.caught_up().await;
        watch
    }

    /// Returns the events, in the order in which they came.
    pub(crate) fn events(&self) -> Vec<(RecordedEvent, Instant)> {
        self.recorder.events()
    }

    /// Returns how many events there have been.
    pub(crate) fn mark(&self) -> usize {
        self.recorder.lock().len()
    }

    /// Waits for an event after the first `mark` ones, and returns its position.
    pub(crate) async fn until(
        &self,
        mark: usize,
        what: &str,
        wanted: impl Fn(&RecordedEvent) -> bool + Send + Sync,
    ) -> usize {
        let mut news = self.recorder.news.subscribe();
        let find = || {
            let events = self.recorder.lock();
            let mut after = events.iter().enumerate().skip(mark);
            after
                .find(|(_, (event, _))| wanted(event))
                .map(|(position, _)| position)
        };
        let found = timeout(self.patience, async {
            loop {
                if let Some(position) = find() {
                    return position;
                }
                news.changed().await.unwrap();
            }
        });
        match found.await {
            Ok(position) => position,
            Err(_elapsed) => panic!(
                "{what} was not reported within {:?}, but {:?}",
                self.patience,
                self.events().split_off(mark)
            ),
        }
    }

    /// Waits until a change of `id`, or of any session, is reported after `mark`.
    pub(crate) async fn changed(&self, mark: usize, id: &SessionId) {
        self.until(mark, &format!("the change of {id:?}"), |event| {
            concerns(event, id)
        })
        .await;
    }

    /// Waits until the source is caught up with everything before this call.
    pub(crate) async fn caught_up(&self) {
        let now = Instant::now();
        let is_later =
            |event: &RecordedEvent| matches!(event, RecordedEvent::CaughtUp(at) if *at >= now);
        let what = "that the source is caught up, which it reports several times a second \
                    even if nothing changes,";
        self.until(0, what, is_later).await;
    }

    /// Waits for a gap after `mark`.
    pub(crate) async fn gap(&self, mark: usize) -> usize {
        self.until(mark, "the gap", is_gap).await
    }

    /// Drops the source, and returns what it has reported.
    pub(crate) async fn stop(mut self) -> Arc<Recorder> {
        self.watching.abort();
        // Ends with the error of an aborted task.
        let _ = (&mut self.watching).await;
        Arc::clone(&self.recorder)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

/// Returns whether the record of `id` may have changed.
pub(crate) fn concerns(event: &RecordedEvent, id: &SessionId) -> bool {
    match event {
        RecordedEvent::Changed(changed) => changed == id,
        event => *event == RecordedEvent::AllChanged,
    }
}

pub(crate) fn is_gap(event: &RecordedEvent) -> bool {
    matches!(
        event,
        RecordedEvent::Disconnected | RecordedEvent::Unsupported
    )
}
