//! [`ChangeNotifier`]: calls the listener in the order of its contract.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use dcv_resolver_core::{ChangeEvent, ChangeListener, SessionId};
use redis::{PushInfo, PushKind, Value};

/// Several connections may push at the same time, also one that has been given
/// up. Their changes are reported between `AllChanged` and the next gap only.
#[derive(Debug)]
pub(super) struct ChangeNotifier {
    key_prefix: String,
    listener: Arc<dyn ChangeListener>,
    state: Mutex<ListenerState>,
}

/// What the listener knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ListenerState {
    /// No event has been reported yet.
    New,
    Watching,
    Disconnected,
    /// Reported while lookups used the connection of this number.
    Unsupported(u64),
}

impl ChangeNotifier {
    pub(super) fn new(key_prefix: String, listener: Arc<dyn ChangeListener>) -> Self {
        Self {
            key_prefix,
            listener,
            state: Mutex::new(ListenerState::New),
        }
    }

    pub(super) fn key_prefix(&self) -> &str {
        &self.key_prefix
    }

    /// Reports what a server has pushed.
    pub(super) fn pushed(&self, info: &PushInfo) {
        let state = self.lock();
        if info.kind != PushKind::Invalidate || *state != ListenerState::Watching {
            return;
        }
        match info.data.as_slice() {
            [Value::Array(keys)] => keys
                .iter()
                .filter_map(|key| self.session(key))
                .for_each(|id| self.listener.on_change(ChangeEvent::Changed(&id))),
            // Null is for `FLUSHALL` and `FLUSHDB`. Anything else may concern
            // any key.
            _ => self.listener.on_change(ChangeEvent::AllChanged),
        }
    }

    /// Returns the session of a key, or `None` if the key is not the store's.
    fn session(&self, key: &Value) -> Option<SessionId> {
        let Value::BulkString(key) = key else {
            return None;
        };
        let id = str::from_utf8(key).ok()?.strip_prefix(&self.key_prefix)?;
        SessionId::new(id).ok()
    }

    pub(super) fn all_changed(&self) {
        let mut state = self.lock();
        *state = ListenerState::Watching;
        self.listener.on_change(ChangeEvent::AllChanged);
    }

    pub(super) fn caught_up(&self, instant: Instant) {
        let state = self.lock();
        if *state == ListenerState::Watching {
            self.listener.on_change(ChangeEvent::CaughtUp(instant));
        }
    }

    /// Reports it once, until changes are reported again.
    pub(super) fn disconnected(&self) {
        let mut state = self.lock();
        if *state != ListenerState::Disconnected {
            *state = ListenerState::Disconnected;
            self.listener.on_change(ChangeEvent::Disconnected);
        }
    }

    /// Reports it once for each connection that lookups use, until changes are
    /// reported again: what was cached over another connection may come from
    /// another server.
    pub(super) fn unsupported(&self, connection: u64) {
        let mut state = self.lock();
        if *state != ListenerState::Unsupported(connection) {
            *state = ListenerState::Unsupported(connection);
            self.listener.on_change(ChangeEvent::Unsupported);
        }
    }

    /// Ends with a gap, which `Unsupported` is too.
    pub(super) fn end(&self) {
        if !matches!(*self.lock(), ListenerState::Unsupported(_)) {
            self.disconnected();
        }
    }

    /// Locked while the listener is called, so that no event overtakes another.
    fn lock(&self) -> MutexGuard<'_, ListenerState> {
        // Every change is one assignment, so what a panic leaves is consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Events(Mutex<Vec<String>>);

    impl Events {
        fn push(&self, event: impl Into<String>) {
            self.0.lock().unwrap().push(event.into());
        }
    }

    impl ChangeListener for Events {
        fn on_change(&self, event: ChangeEvent<'_>) {
            match event {
                ChangeEvent::Changed(id) => {
                    self.push(id.as_str());
                }
                ChangeEvent::AllChanged => {
                    self.push("(all)");
                }
                ChangeEvent::CaughtUp(_) => {
                    self.push("(caught up)");
                }
                ChangeEvent::Disconnected => {
                    self.push("(disconnected)");
                }
                ChangeEvent::Unsupported => {
                    self.push("(unsupported)");
                }
                event => panic!("{event:?}"),
            }
        }
    }

    fn invalidate(data: Vec<Value>) -> PushInfo {
        let kind = PushKind::Invalidate;
        PushInfo { kind, data }
    }

    fn keys(keys: &[&str]) -> PushInfo {
        let keys = keys.iter().map(|key| Value::BulkString((*key).into()));
        invalidate(vec![Value::Array(keys.collect())])
    }

    #[test]
    fn events_come_in_the_order_of_the_contract() {
        let events = Arc::<Events>::default();
        let listener = Arc::<Events>::clone(&events);
        let notifier = ChangeNotifier::new("p:".to_owned(), listener);
        notifier.pushed(&keys(&["p:early"]));
        notifier.disconnected();
        notifier.disconnected();
        notifier.pushed(&invalidate(vec![Value::Nil]));
        notifier.caught_up(Instant::now());
        notifier.all_changed();
        notifier.pushed(&keys(&["p:a", "q:b", "p:", "p:c"]));
        notifier.pushed(&invalidate(vec![Value::Nil]));
        notifier.pushed(&invalidate(vec![Value::Okay]));
        notifier.pushed(&PushInfo {
            kind: PushKind::Message,
            data: vec![Value::Array(vec![Value::BulkString("p:d".into())])],
        });
        notifier.caught_up(Instant::now());
        notifier.disconnected();
        notifier.pushed(&keys(&["p:late"]));
        notifier.unsupported(1);
        notifier.pushed(&invalidate(vec![Value::Nil]));
        notifier.caught_up(Instant::now());
        notifier.unsupported(1);
        notifier.unsupported(2);
        notifier.all_changed();
        notifier.unsupported(2);
        notifier.disconnected();
        notifier.unsupported(2);
        let expected = [
            "(disconnected)",
            "(all)",
            "a",
            "c",
            "(all)",
            "(all)",
            "(caught up)",
            "(disconnected)",
            "(unsupported)",
            "(unsupported)",
            "(all)",
            "(unsupported)",
            "(disconnected)",
            "(unsupported)",
        ];
        assert_eq!(*events.0.lock().unwrap(), expected);
    }

    #[test]
    fn last_event_is_a_gap() {
        for (begin, expected) in [
            ((|_| ()) as fn(&ChangeNotifier), &["(disconnected)"][..]),
            (ChangeNotifier::all_changed, &["(all)", "(disconnected)"]),
            (ChangeNotifier::disconnected, &["(disconnected)"]),
            (|notifier| notifier.unsupported(1), &["(unsupported)"]),
        ] {
            let events = Arc::<Events>::default();
            let listener = Arc::<Events>::clone(&events);
            let notifier = ChangeNotifier::new("p:".to_owned(), listener);
            begin(&notifier);
            notifier.end();
            assert_eq!(*events.0.lock().unwrap(), expected);
        }
    }
}
