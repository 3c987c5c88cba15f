//! [`Teller`]: calls the listener, in the order that its contract asks for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use dcv_resolver_core::{ChangeEvent, ChangeListener, SessionId};
use redis::{PushInfo, PushKind, Value};

/// What is pushed may come from several connections at once, and from one that
/// has been given up; it is told from `all_changed` to `lost` or `untold` only.
#[derive(Debug)]
pub(crate) struct Teller {
    key_prefix: String,
    listener: Arc<dyn ChangeListener>,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Silent,
    Telling,
    Lost,
    /// While lookups use the connection of this number.
    Untold(u64),
}

impl Teller {
    pub(crate) fn new(key_prefix: String, listener: Arc<dyn ChangeListener>) -> Self {
        Self {
            key_prefix,
            listener,
            state: Mutex::new(State::Silent),
        }
    }

    pub(crate) fn key_prefix(&self) -> &str {
        &self.key_prefix
    }

    /// Takes what a server has pushed.
    pub(crate) fn pushed(&self, info: &PushInfo) {
        let state = self.state();
        if info.kind != PushKind::Invalidate || *state != State::Telling {
            return;
        }
        match info.data.as_slice() {
            [Value::Array(keys)] => keys
                .iter()
                .filter_map(|key| self.session(key))
                .for_each(|id| self.listener.on_change(ChangeEvent::Changed(&id))),
            // Null is for `FLUSHALL` and `FLUSHDB`; of anything else nobody
            // knows which keys it is for.
            _ => self.listener.on_change(ChangeEvent::AllChanged),
        }
    }

    /// The session of a key; `None` when it is not one of the store's.
    fn session(&self, key: &Value) -> Option<SessionId> {
        let Value::BulkString(key) = key else {
            return None;
        };
        let id = str::from_utf8(key).ok()?.strip_prefix(&self.key_prefix)?;
        SessionId::new(id).ok()
    }

    pub(crate) fn all_changed(&self) {
        let mut state = self.state();
        *state = State::Telling;
        self.listener.on_change(ChangeEvent::AllChanged);
    }

    pub(crate) fn confirmed(&self, moment: Instant) {
        let state = self.state();
        if *state == State::Telling {
            self.listener.on_change(ChangeEvent::CaughtUp(moment));
        }
    }

    /// Says so once, until changes are told again.
    pub(crate) fn lost(&self) {
        let mut state = self.state();
        if *state != State::Lost {
            *state = State::Lost;
            self.listener.on_change(ChangeEvent::Disconnected);
        }
    }

    /// Says so once for each connection that lookups use, since it ends what is
    /// cached, until changes are told again.
    pub(crate) fn untold(&self, connection: u64) {
        let mut state = self.state();
        if *state != State::Untold(connection) {
            *state = State::Untold(connection);
            self.listener.on_change(ChangeEvent::Unsupported);
        }
    }

    /// Nothing more is said. That changes go untold stays true.
    pub(crate) fn end(&self) {
        if !matches!(*self.state(), State::Untold(_)) {
            self.lost();
        }
    }

    /// Held while the listener is called: no call overtakes another.
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one assignment, so what a panic leaves is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Calls(Mutex<Vec<String>>);

    impl Calls {
        fn push(&self, call: impl Into<String>) {
            self.0.lock().unwrap().push(call.into());
        }
    }

    impl ChangeListener for Calls {
        fn on_change(&self, event: ChangeEvent<'_>) {
            match event {
                ChangeEvent::Changed(id) => {
                    self.push(id.as_str());
                }
                ChangeEvent::AllChanged => {
                    self.push("(all)");
                }
                ChangeEvent::CaughtUp(_) => {
                    self.push("(confirmed)");
                }
                ChangeEvent::Disconnected => {
                    self.push("(lost)");
                }
                ChangeEvent::Unsupported => {
                    self.push("(untold)");
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
    fn calls_come_in_the_order_of_the_contract() {
        let calls = Arc::<Calls>::default();
        let listener = Arc::<Calls>::clone(&calls);
        let teller = Teller::new("p:".to_owned(), listener);
        teller.pushed(&keys(&["p:early"]));
        teller.lost();
        teller.lost();
        teller.pushed(&invalidate(vec![Value::Nil]));
        teller.confirmed(Instant::now());
        teller.all_changed();
        teller.pushed(&keys(&["p:a", "q:b", "p:", "p:c"]));
        teller.pushed(&invalidate(vec![Value::Nil]));
        teller.pushed(&invalidate(vec![Value::Okay]));
        teller.pushed(&PushInfo {
            kind: PushKind::Message,
            data: vec![Value::Array(vec![Value::BulkString("p:d".into())])],
        });
        teller.confirmed(Instant::now());
        teller.lost();
        teller.pushed(&keys(&["p:late"]));
        teller.untold(1);
        teller.pushed(&invalidate(vec![Value::Nil]));
        teller.confirmed(Instant::now());
        teller.untold(1);
        teller.untold(2);
        teller.all_changed();
        teller.untold(2);
        teller.lost();
        teller.untold(2);
        let expected = [
            "(lost)",
            "(all)",
            "a",
            "c",
            "(all)",
            "(all)",
            "(confirmed)",
            "(lost)",
            "(untold)",
            "(untold)",
            "(all)",
            "(untold)",
            "(lost)",
            "(untold)",
        ];
        assert_eq!(*calls.0.lock().unwrap(), expected);
    }

    #[test]
    fn the_last_word_is_that_changes_are_lost_or_go_untold() {
        for (begin, expected) in [
            ((|_| ()) as fn(&Teller), &["(lost)"][..]),
            (Teller::all_changed, &["(all)", "(lost)"]),
            (Teller::lost, &["(lost)"]),
            (|teller| teller.untold(1), &["(untold)"]),
        ] {
            let calls = Arc::<Calls>::default();
            let listener = Arc::<Calls>::clone(&calls);
            let teller = Teller::new("p:".to_owned(), listener);
            begin(&teller);
            teller.end();
            assert_eq!(*calls.0.lock().unwrap(), expected);
        }
    }
}
