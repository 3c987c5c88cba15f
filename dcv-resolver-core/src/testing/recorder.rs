use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::wakers::Wakers;
use crate::{ChangeEvent, ChangeListener, SessionId};

/// A listener that records the changes that a
/// [`ChangeSource`](crate::ChangeSource) reports. Clones share the recorded
/// events.
///
/// ```
/// use dcv_resolver_core::testing::{RecordedEvent, RecordingListener};
/// use dcv_resolver_core::{ChangeEvent, ChangeListener, SessionId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let listener = RecordingListener::new();
/// let id: SessionId = "console".parse()?;
/// listener.on_change(ChangeEvent::Changed(&id));
/// assert_eq!(listener.events(), [RecordedEvent::Changed(id.clone())]);
///
/// // Waits for an event; returns at once if it was reported before.
/// listener.until(|event| *event == RecordedEvent::Changed(id.clone())).await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct RecordingListener(Arc<Shared>);

#[derive(Default)]
struct Shared {
    events: Mutex<Vec<RecordedEvent>>,
    wakers: Wakers,
}

/// A [`ChangeEvent`] that was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordedEvent {
    /// [`ChangeEvent::Changed`].
    Changed(SessionId),
    /// [`ChangeEvent::AllChanged`].
    AllChanged,
    /// [`ChangeEvent::CaughtUp`].
    CaughtUp(Instant),
    /// [`ChangeEvent::Disconnected`].
    Disconnected,
    /// [`ChangeEvent::Unsupported`].
    Unsupported,
}

impl From<ChangeEvent<'_>> for RecordedEvent {
    fn from(event: ChangeEvent<'_>) -> Self {
        match event {
            ChangeEvent::Changed(id) => Self::Changed(id.clone()),
            ChangeEvent::AllChanged => Self::AllChanged,
            ChangeEvent::CaughtUp(instant) => Self::CaughtUp(instant),
            ChangeEvent::Disconnected => Self::Disconnected,
            ChangeEvent::Unsupported => Self::Unsupported,
        }
    }
}

impl RecordingListener {
    /// Creates a listener without events.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the events since the start, in the order in which they came.
    #[must_use]
    pub fn events(&self) -> Vec<RecordedEvent> {
        self.lock().clone()
    }

    /// Waits for the first event since the start for which `wanted` returns
    /// `true`, and returns how many events came before it.
    pub async fn until(&self, wanted: impl Fn(&RecordedEvent) -> bool + Send + Sync) -> usize {
        self.0
            .wakers
            .until(|| self.lock().iter().position(&wanted))
            .await
    }

    fn lock(&self) -> MutexGuard<'_, Vec<RecordedEvent>> {
        self.0.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChangeListener for RecordingListener {
    fn on_change(&self, event: ChangeEvent<'_>) {
        self.lock().push(event.into());
        self.0.wakers.wake_all();
    }
}

impl fmt::Debug for RecordingListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecordingListener")
            .field(&self.lock())
            .finish()
    }
}
