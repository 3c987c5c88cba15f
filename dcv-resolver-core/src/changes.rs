//! [`ChangeSource`] and [`ChangeListener`]: how changes in a store reach the
//! caches in front of it.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::{BoxFuture, SessionId};

/// A store that reports its changes, made by any process, to a
/// [`ChangeListener`].
///
/// A store that can report its changes implements this trait in addition to
/// [`SessionStore`](crate::SessionStore). A cache in front of the store
/// listens, and keeps its entries for as long as they are current.
///
/// # Contract
///
/// - **C1. Every change is reported**, with [`Changed`](ChangeEvent::Changed)
///   or [`AllChanged`](ChangeEvent::AllChanged): every time the result of a
///   `lookup` may differ, from the call to
///   [`watch_changes`](Self::watch_changes) on. A source that starts to watch
///   only when it is first polled starts with `AllChanged`.
/// - **C2. Reported means visible.** A `lookup` that begins after the call
///   returns the change, or a later one.
/// - **C3. Caught up means current.** [`CaughtUp`](ChangeEvent::CaughtUp)
///   follows the events of every change that was made before the instant that
///   it carries. The instant is never later than the call: take it before
///   reading the changes. It is read from the clock that lookups use: with a
///   runtime whose clock tests can pause, take
///   `tokio::time::Instant::now().into_std()`.
///   Report it several times a second, also while nothing changes: a cache
///   serves its entries only for a while after the last one, by default 1 s.
/// - **C4. A gap is reported.** As soon as changes may go unreported, the
///   source reports [`Disconnected`](ChangeEvent::Disconnected), or
///   [`Unsupported`](ChangeEvent::Unsupported) if waiting will not help. After
///   that, it reports only these two, until `AllChanged` ends the gap.
/// - **C5. `Unsupported` is repeated** when the source finds that lookups are
///   now answered from elsewhere, for example by another server.
/// - **C6. Dropping the source means disconnected.** Dropping the future at any
///   await point reports `Disconnected`, unless the last event was
///   `Disconnected` or `Unsupported`. No event follows. The same holds when the
///   future completes. A future that was never polled need not report anything.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not report changes",
    note = "implement `ChangeSource` for it; an `Arc` of a change source is one, a reference is not"
)]
pub trait ChangeSource: fmt::Debug + Send + Sync + 'static {
    /// Reports changes to `listener` for as long as the returned future is
    /// polled.
    ///
    /// Spawn the future: it does not borrow this value, keeps running after the
    /// store is dropped, and does nothing until it is polled. It never fails:
    /// after an error it reports a gap and tries again.
    fn watch_changes(&self, listener: Arc<dyn ChangeListener>) -> BoxFuture<'static, ()>;
}

/// A receiver of the changes that a [`ChangeSource`] reports.
///
/// A listener is called from any thread and must return at once: it must
/// neither wait nor call the store.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::{Mutex, PoisonError};
///
/// use dcv_resolver_core::{ChangeEvent, ChangeListener, SessionId, SessionRecord};
///
/// #[derive(Debug, Default)]
/// struct Copies(Mutex<HashMap<SessionId, SessionRecord>>);
///
/// impl ChangeListener for Copies {
///     fn on_change(&self, event: ChangeEvent<'_>) {
///         let mut copies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
///         match event {
///             ChangeEvent::Changed(id) => drop(copies.remove(id)),
///             ChangeEvent::CaughtUp(_) => {}
///             // An event that this version does not know may concern any copy.
///             _ => copies.clear(),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a change listener",
    note = "implement `ChangeListener` for it; an `Arc` of a listener is one, a reference is not"
)]
pub trait ChangeListener: fmt::Debug + Send + Sync + 'static {
    /// Handles one event. Events arrive in the order of the
    /// [contract](ChangeSource#contract).
    fn on_change(&self, event: ChangeEvent<'_>);
}

/// What a [`ChangeSource`] reports.
///
/// A listener that receives an event it does not know discards everything it
/// has cached, which is correct for every event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeEvent<'a> {
    /// The record of this session may have been added, changed or removed.
    Changed(&'a SessionId),
    /// Any record may have been added, changed or removed.
    ///
    /// Discard cached entries. This event ends a gap that `Disconnected` or
    /// `Unsupported` began.
    AllChanged,
    /// Every change made before this instant has been reported.
    CaughtUp(Instant),
    /// Changes may go unreported for a while: the connection was lost, or the
    /// source was dropped.
    ///
    /// Treat it as an outage of the store: discard cached entries, or serve
    /// them as stale.
    Disconnected,
    /// Changes are not reported: the store cannot report them, or is not
    /// configured to.
    ///
    /// Discard cached entries and fall back to TTLs.
    Unsupported,
}

#[deny(clippy::missing_trait_methods)]
impl<T: ChangeSource + ?Sized> ChangeSource for Arc<T> {
    fn watch_changes(&self, listener: Arc<dyn ChangeListener>) -> BoxFuture<'static, ()> {
        (**self).watch_changes(listener)
    }
}

#[deny(clippy::missing_trait_methods)]
impl<T: ChangeListener + ?Sized> ChangeListener for Arc<T> {
    fn on_change(&self, event: ChangeEvent<'_>) {
        (**self).on_change(event);
    }
}
