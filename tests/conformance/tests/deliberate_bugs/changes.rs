use std::sync::Arc;
use std::time::{Duration, Instant};

use dcv_resolver_core::{BoxFuture, ChangeEvent, ChangeListener, ChangeSource, SessionId};

use crate::bug::Bug;
use crate::place::{BuggyStore, Place};

/// How often the source looks without being woken.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

impl BuggyStore {
    /// Records that the session `id` has changed, for every source.
    pub(crate) fn changed(&self, id: &SessionId) {
        self.place.changed(id);
    }
}

impl ChangeSource for BuggyStore {
    fn watch_changes(&self, listener: Arc<dyn ChangeListener>) -> BoxFuture<'static, ()> {
        let source = Source {
            bug: self.bug,
            place: Arc::clone(&self.place),
            listener,
            position: self.place.changes().len(),
            state: State::New,
        };
        if self.has(Bug::DroppedSourceGoesOn) {
            tokio::spawn(source.run());
            return Box::pin(std::future::pending());
        }
        Box::pin(source.run())
    }
}

struct Source {
    bug: Option<Bug>,
    place: Arc<Place>,
    listener: Arc<dyn ChangeListener>,
    /// How many changes were reported.
    position: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Reporting,
    Gap,
}

impl Source {
    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    async fn run(mut self) {
        let mut news = self.place.news.subscribe();
        if self.has(Bug::ChangesBeforeTheFirstPollAreLost) {
            self.position = self.place.changes().len();
            self.state = State::Reporting;
        }
        loop {
            news.borrow_and_update();
            if self.place.is_cut() {
                self.disconnect();
            } else {
                self.report().await;
            }
            // Ends with a change or with the time.
            let _ = tokio::time::timeout(POLL_INTERVAL, news.changed()).await;
        }
    }

    fn disconnect(&mut self) {
        if self.state == State::Gap {
            return;
        }
        match self.bug {
            Some(Bug::SourceNeverDisconnects) => {
                self.send(ChangeEvent::CaughtUp(Instant::now()));
            }
            Some(Bug::SourceFallsSilent) => {}
            _ => {
                self.send(ChangeEvent::Disconnected);
                self.state = State::Gap;
            }
        }
    }

    async fn report(&mut self) {
        let started = Instant::now();
        let changes = self.place.changes().split_off(self.position);
        self.position += changes.len();
        if self.state != State::Reporting {
            let stays_silent = match self.bug {
                Some(Bug::GapEndsInSilence) => self.state == State::Gap,
                Some(Bug::ChangesAreReportedDuringTheGap) if self.state == State::Gap => {
                    self.send(ChangeEvent::CaughtUp(started));
                    false
                }
                _ => false,
            };
            if !stays_silent {
                self.send(ChangeEvent::AllChanged);
            }
            self.state = State::Reporting;
        }
        if self.has(Bug::CaughtUpComesFirst) && !changes.is_empty() {
            tokio::time::sleep(POLL_INTERVAL).await;
            self.send(ChangeEvent::CaughtUp(Instant::now()));
        }
        self.report_each(&changes);
        match self.bug {
            Some(Bug::SourceIsNeverCaughtUp) => {}
            Some(Bug::CaughtUpIsInTheFuture) => {
                self.send(ChangeEvent::CaughtUp(started + Duration::from_secs(1)));
            }
            _ => self.send(ChangeEvent::CaughtUp(started)),
        }
    }

    fn report_each(&self, changes: &[SessionId]) {
        for id in changes {
            let is_present = self.place.contains(id);
            match self.bug {
                Some(Bug::ChangesAreOfOneId) => {
                    let first = self.place.changes()[0].clone();
                    self.send(ChangeEvent::Changed(&first));
                }
                Some(Bug::RemovalsAreNotReported) if !is_present => {}
                Some(Bug::OneListenerIsServed) if !self.place.is_first(&self.listener) => {}
                _ => self.send(ChangeEvent::Changed(id)),
            }
        }
    }

    fn send(&self, event: ChangeEvent<'_>) {
        self.listener.on_change(event);
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if self.state == State::Reporting && !self.has(Bug::DroppedSourceEndsInSilence) {
            self.send(ChangeEvent::Disconnected);
        }
    }
}
