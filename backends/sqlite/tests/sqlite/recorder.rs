//! [`Recorder`]: a listener that keeps what it is told.

use std::sync::Arc;
use std::time::Instant;

use dcv_resolver_core::{ChangeEvent, ChangeListener, ChangeSource};
use dcv_resolver_sqlite::SqliteStore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::PATIENCE;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Told {
    Changed(String),
    All,
    Lost,
    Untold,
    Confirmed(Instant),
}

/// The calls of a listener's contract, in the order in which they came.
pub(crate) struct Recorder {
    calls: UnboundedReceiver<Told>,
    telling: JoinHandle<()>,
    /// As a listener begins: nothing may be taken for told.
    is_lost: bool,
    last: Option<Told>,
}

impl Recorder {
    /// Has `store` tell it of changes, until it is dropped.
    pub(crate) fn of(store: &SqliteStore) -> Self {
        let (listener, calls) = unbounded_channel();
        let telling = tokio::spawn(store.watch_changes(Arc::new(Listener(listener))));
        Self {
            calls,
            telling,
            is_lost: true,
            last: None,
        }
    }

    /// As [`of`](Self::of), once the store has begun to tell.
    pub(crate) async fn begun(store: &SqliteStore) -> Self {
        let mut recorder = Self::of(store);
        assert_eq!(recorder.told().await, [Told::All]);
        recorder
    }

    /// What was told since the last call, up to the confirmation of what was
    /// done before this one.
    pub(crate) async fn told(&mut self) -> Vec<Told> {
        let now = tokio::time::Instant::now().into_std();
        self.until(|call| matches!(call, Told::Confirmed(moment) if *moment > now))
            .await
    }

    /// What was told since the last call, without confirmations, up to the
    /// first call that `ends` it.
    pub(crate) async fn until(&mut self, ends: impl Fn(&Told) -> bool + Send + Sync) -> Vec<Told> {
        let mut told = Vec::new();
        let ending = timeout(PATIENCE, async {
            loop {
                let call = self.next().await;
                let is_end = ends(&call);
                if !matches!(call, Told::Confirmed(_)) {
                    told.push(call);
                }
                if is_end {
                    break;
                }
            }
        });
        let ended = ending.await;
        assert!(ended.is_ok(), "it was not told in time, only {told:?}");
        told
    }

    /// The next call, which must be in its turn.
    async fn next(&mut self) -> Told {
        let call = self.calls.recv().await.unwrap();
        match call {
            Told::Lost => assert!(self.last != Some(Told::Lost), "lost twice"),
            Told::Untold | Told::All => {}
            _ => assert!(!self.is_lost, "{call:?} while it is lost"),
        }
        self.is_lost = match call {
            Told::Lost | Told::Untold => true,
            Told::All => false,
            _ => self.is_lost,
        };
        self.last = Some(call.clone());
        call
    }

    /// Drops what tells, and returns all that it still says, without
    /// confirmations.
    pub(crate) async fn dropped(mut self) -> Vec<Told> {
        self.telling.abort();
        let mut told = Vec::new();
        while let Some(call) = timeout(PATIENCE, self.calls.recv()).await.unwrap() {
            if !matches!(call, Told::Confirmed(_)) {
                told.push(call);
            }
        }
        told
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.telling.abort();
    }
}

#[derive(Debug)]
struct Listener(UnboundedSender<Told>);

impl Listener {
    /// The last call comes when nobody listens any more.
    fn say(&self, told: Told) {
        self.0.send(told).ok();
    }
}

impl ChangeListener for Listener {
    fn on_change(&self, event: ChangeEvent<'_>) {
        match event {
            ChangeEvent::Changed(id) => {
                self.say(Told::Changed(id.to_string()));
            }
            ChangeEvent::AllChanged => {
                self.say(Told::All);
            }
            ChangeEvent::CaughtUp(moment) => {
                self.say(Told::Confirmed(moment));
            }
            ChangeEvent::Disconnected => {
                self.say(Told::Lost);
            }
            ChangeEvent::Unsupported => {
                self.say(Told::Untold);
            }
            event => panic!("{event:?}"),
        }
    }
}
