//! [`Recorder`]: a listener that records its events.

use std::sync::Arc;
use std::time::Instant;

use dcv_resolver_core::{ChangeEvent, ChangeListener, ChangeSource};
use dcv_resolver_sqlite::SqliteStore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::PATIENCE;

/// An owned [`ChangeEvent`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    Changed(String),
    AllChanged,
    CaughtUp(Instant),
    Disconnected,
    Unsupported,
}

/// Records the events of a store and checks that their order follows the
/// contract.
pub(crate) struct Recorder {
    events: UnboundedReceiver<Event>,
    watching: JoinHandle<()>,
    /// Every source starts with a gap.
    in_gap: bool,
    last: Option<Event>,
}

impl Recorder {
    /// Watches `store` until the recorder is dropped.
    pub(crate) fn watch(store: &SqliteStore) -> Self {
        let (listener, events) = unbounded_channel();
        let watching = tokio::spawn(store.watch_changes(Arc::new(Listener(listener))));
        Self {
            events,
            watching,
            in_gap: true,
            last: None,
        }
    }

    /// Watches `store` and waits for its first `AllChanged`.
    pub(crate) async fn started(store: &SqliteStore) -> Self {
        let mut recorder = Self::watch(store);
        assert_eq!(recorder.events().await, [Event::AllChanged]);
        recorder
    }

    /// Returns the events since the last call up to the moment of this call,
    /// without `CaughtUp`.
    pub(crate) async fn events(&mut self) -> Vec<Event> {
        let now = tokio::time::Instant::now().into_std();
        self.until(|event| matches!(event, Event::CaughtUp(instant) if *instant > now))
            .await
    }

    /// Returns the events since the last call up to the first one that is
    /// `last`, without `CaughtUp`.
    pub(crate) async fn until(
        &mut self,
        last: impl Fn(&Event) -> bool + Send + Sync,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        let received = timeout(PATIENCE, async {
            loop {
                let event = self.next().await;
                let is_last = last(&event);
                if !matches!(event, Event::CaughtUp(_)) {
                    events.push(event);
                }
                if is_last {
                    break;
                }
            }
        })
        .await;
        assert!(received.is_ok(), "only these events in time: {events:?}");
        events
    }

    async fn next(&mut self) -> Event {
        let event = self.events.recv().await.unwrap();
        match event {
            Event::Disconnected => {
                assert!(self.last != Some(Event::Disconnected), "disconnected twice");
                self.in_gap = true;
            }
            Event::Unsupported => self.in_gap = true,
            Event::AllChanged => self.in_gap = false,
            Event::Changed(_) | Event::CaughtUp(_) => {
                assert!(!self.in_gap, "{event:?} during a gap");
            }
        }
        self.last = Some(event.clone());
        event
    }

    /// Stops watching and returns the remaining events, without `CaughtUp`.
    pub(crate) async fn stop(mut self) -> Vec<Event> {
        self.watching.abort();
        let mut events = Vec::new();
        while let Some(event) = timeout(PATIENCE, self.events.recv()).await.unwrap() {
            if !matches!(event, Event::CaughtUp(_)) {
                events.push(event);
            }
        }
        events
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

#[derive(Debug)]
struct Listener(UnboundedSender<Event>);

impl ChangeListener for Listener {
    fn on_change(&self, event: ChangeEvent<'_>) {
        let event = match event {
            ChangeEvent::Changed(id) => Event::Changed(id.to_string()),
            ChangeEvent::AllChanged => Event::AllChanged,
            ChangeEvent::CaughtUp(instant) => Event::CaughtUp(instant),
            ChangeEvent::Disconnected => Event::Disconnected,
            ChangeEvent::Unsupported => Event::Unsupported,
            event => panic!("unknown event {event:?}"),
        };
        // The receiver is gone when the recorder was dropped.
        self.0.send(event).ok();
    }
}
