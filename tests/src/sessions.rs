//! The sessions that the end-to-end tests ask for.

use std::time::Duration;

use dcv_resolver_core::testing::{ManualClock, Reply, ScriptedStore};
use dcv_resolver_core::{
    Clock, Expiry, MemoryStore, Resolver, SessionId, SessionRecord, SessionRecordBuilder,
    SessionState, SessionStore, StoreError, StoreErrorKind, async_trait,
};

/// Holds a session for every outcome, and misbehaves for some ids.
#[derive(Debug)]
pub struct EveryKindOfAnswer {
    sessions: MemoryStore,
}

impl EveryKindOfAnswer {
    fn new(clock: &ManualClock) -> Self {
        let expired = Expiry::At(clock.now());
        let soon = Expiry::At(clock.now().saturating_add(Duration::from_millis(1)));
        let records = [
            record("console", "192.0.2.17")
                .http_port(8443)
                .quic_port(8444),
            record("named", "ws-17.dcv.example")
                .http_port(9443)
                .web_url_path("/desktop".parse().unwrap()),
            record("ipv6", "2001:db8::17").http_port(8443),
            record("quic-only", "192.0.2.17").quic_port(8444),
            record("i-0abc", "192.0.2.17")
                .http_port(8443)
                .target_id("console".parse::<SessionId>().unwrap()),
            record("with space+plus&amp", "192.0.2.17").http_port(8443),
            record("ünïcode-\u{1f600}", "192.0.2.17").http_port(8443),
            record("quote\"backslash\\", "192.0.2.17").http_port(8443),
            record("soon-expired", "192.0.2.17")
                .http_port(8443)
                .expiry(soon),
            record("expired", "192.0.2.17")
                .http_port(8443)
                .expiry(expired),
            record("creating", "192.0.2.17")
                .http_port(8443)
                .state(SessionState::Creating),
            record("deleting", "192.0.2.17")
                .http_port(8443)
                .state(SessionState::Deleting),
            record("lost-sight-of", "192.0.2.17")
                .http_port(8443)
                .state(SessionState::Unknown),
        ];
        Self {
            sessions: records
                .into_iter()
                .map(|record| record.build().unwrap())
                .collect(),
        }
    }
}

fn record(id: &str, host: &str) -> SessionRecordBuilder {
    SessionRecord::builder(id.parse().unwrap(), host.parse().unwrap(), Expiry::Never)
}

#[async_trait]
impl SessionStore for EveryKindOfAnswer {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let reply = match id.as_str() {
            "store-down" => Reply::Fail(StoreErrorKind::Unavailable),
            "store-denies" => Reply::Fail(StoreErrorKind::AccessDenied),
            "store-damaged" => Reply::Fail(StoreErrorKind::CorruptStore),
            "record-damaged" => Reply::Fail(StoreErrorKind::CorruptRecord),
            "store-hangs" => Reply::Hang,
            "store-panics" => Reply::Panic,
            _ => return self.sessions.lookup(id).await,
        };
        ScriptedStore::always(reply).lookup(id).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.sessions.ping().await
    }
}

/// A resolver over [`EveryKindOfAnswer`] whose clock stands still.
#[must_use]
pub fn resolver() -> Resolver {
    let clock = ManualClock::default();
    Resolver::new(EveryKindOfAnswer::new(&clock)).with_clock(clock)
}
