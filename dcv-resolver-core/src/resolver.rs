//! [`Resolver`]: judges what a store holds.

use std::sync::Arc;

use crate::{
    Clock, Expiry, Miss, Outcome, Resolution, ResolveRequest, SessionRecord, SessionState,
    SessionStore, StoreError, StoreErrorKind, SystemClock, Timestamp,
};

/// Answers resolve requests from a [`SessionStore`].
///
/// All rules live here, and none in the stores. Cloning is cheap; clones share
/// the store and the clock.
///
/// # Unit-testing your rules
///
/// ```
/// use std::time::Duration;
/// use dcv_resolver_core::{testing::ManualClock, *};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clock = ManualClock::default();
/// let expiry = Expiry::At(clock.now().saturating_add(Duration::from_secs(60)));
/// let record = SessionRecord::builder("console".parse()?, "ws-17.dcv.example".parse()?, expiry);
/// let store = MemoryStore::from_iter([record.http_port(8443).build()?]);
/// let resolver = Resolver::new(store).with_clock(clock.clone());
/// let request = ResolveRequest::new("console".parse()?, Transport::Http);
///
/// assert!(matches!(resolver.resolve(&request).await?, Outcome::Found(_)));
/// clock.advance(Duration::from_secs(60));
/// assert!(matches!(resolver.resolve(&request).await?, Outcome::Miss(Miss::Expired { .. })));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Resolver {
    store: Arc<dyn SessionStore>,
    store_name: Arc<str>,
    clock: Arc<dyn Clock>,
}

impl Resolver {
    /// A resolver over `store`, with the system's clock.
    ///
    /// An [`Arc`] of a store is a store too: pass a clone of it, and keep
    /// yours to register sessions with.
    #[must_use]
    pub fn new(store: impl SessionStore) -> Self {
        Self {
            store: Arc::new(store),
            store_name: "store".into(),
            clock: Arc::new(SystemClock),
        }
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Gives the store a name for logs. It must hold no secret.
    #[must_use]
    pub fn with_store_name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.store_name = name.into();
        self
    }

    /// The store's name for logs; `store` unless set.
    #[must_use]
    pub fn store_name(&self) -> &str {
        &self.store_name
    }

    /// Looks the session up and judges it: known, live, ready, transport
    /// offered, in this order. The first that fails is the reason of the miss.
    ///
    /// The clock is read once, after the store has answered: a record that
    /// expires while the store is asked is expired.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as the store returns it, when the question could not be
    /// answered; of kind `CorruptRecord` when the store answered with the
    /// record of another session.
    pub async fn resolve(&self, request: &ResolveRequest) -> Result<Outcome, StoreError> {
        let Some(record) = self.store.lookup(request.session_id()).await? else {
            return Ok(Outcome::Miss(Miss::Unknown));
        };
        if record.id() != request.session_id() {
            return Err(wrong_record(request, &record));
        }
        Ok(judge(record, request, self.clock.now()))
    }

    /// Whether the store could answer now.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as the store returns it.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }
}

fn judge(record: SessionRecord, request: &ResolveRequest, now: Timestamp) -> Outcome {
    if let Expiry::At(expired_at) = record.expiry()
        && !record.is_live(now)
    {
        return Outcome::Miss(Miss::Expired { expired_at });
    }
    let state = record.state();
    if state != SessionState::Ready {
        return Outcome::Miss(Miss::NotReady { state });
    }
    let transport = request.transport();
    Resolution::new(record, transport).map_or(
        Outcome::Miss(Miss::TransportNotOffered { transport }),
        Outcome::Found,
    )
}

/// A store that compares ids by its own rules, or mixes up its answers, would
/// send a user to somebody else's desktop.
fn wrong_record(request: &ResolveRequest, record: &SessionRecord) -> StoreError {
    StoreError::new("resolver", StoreErrorKind::CorruptRecord).with_source(format!(
        "asked for session {:?}, the store answered with session {:?}",
        request.session_id(),
        record.id(),
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::{ManualClock, Reply, ScriptedStore};
    use crate::{MemoryStore, SessionRecordBuilder, Transport};

    fn http_only() -> SessionRecordBuilder {
        SessionRecord::builder(
            "s".parse().unwrap(),
            "ws.example".parse().unwrap(),
            Expiry::Never,
        )
        .http_port(8443)
    }

    async fn resolve(record: SessionRecordBuilder, transport: Transport) -> Outcome {
        let store = MemoryStore::from_iter([record.build().unwrap()]);
        Resolver::new(store)
            .with_clock(ManualClock::default())
            .resolve(&ResolveRequest::new("s".parse().unwrap(), transport))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_live_ready_session_is_found_on_the_transport_it_offers() {
        let Outcome::Found(found) = resolve(http_only(), Transport::Http).await else {
            panic!("not found");
        };
        assert_eq!(found.port(), 8443);
        assert_eq!(
            resolve(http_only(), Transport::Quic).await,
            Outcome::Miss(Miss::TransportNotOffered {
                transport: Transport::Quic
            })
        );
    }

    #[tokio::test]
    async fn every_state_but_ready_is_a_miss_that_names_it() {
        for state in [
            SessionState::Creating,
            SessionState::Deleting,
            SessionState::Unknown,
        ] {
            assert_eq!(
                resolve(http_only().state(state), Transport::Http).await,
                Outcome::Miss(Miss::NotReady { state })
            );
        }
    }

    #[tokio::test]
    async fn the_first_rule_that_fails_is_the_reason() {
        let expired_at = ManualClock::default().now();
        let record = http_only()
            .expiry(Expiry::At(expired_at))
            .state(SessionState::Creating);
        assert_eq!(
            resolve(record, Transport::Quic).await,
            Outcome::Miss(Miss::Expired { expired_at })
        );
        assert_eq!(
            resolve(http_only().state(SessionState::Creating), Transport::Quic).await,
            Outcome::Miss(Miss::NotReady {
                state: SessionState::Creating
            })
        );
    }

    #[tokio::test]
    async fn a_record_is_live_until_the_millisecond_before_its_expiry() {
        let now = ManualClock::default().now();
        let next_ms = now.saturating_add(Duration::from_millis(1));
        let record = http_only().expiry(Expiry::At(next_ms));
        assert!(matches!(
            resolve(record, Transport::Http).await,
            Outcome::Found(_)
        ));
    }

    #[tokio::test]
    async fn a_failing_store_is_an_error_and_no_miss() {
        let store = ScriptedStore::always(Reply::Fail(StoreErrorKind::Unavailable));
        let resolver = Resolver::new(store);
        let request = ResolveRequest::new("s".parse().unwrap(), Transport::Http);
        let error = resolver.resolve(&request).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    }

    #[tokio::test]
    async fn the_record_of_another_session_is_never_an_answer() {
        let record = http_only().build().unwrap();
        let store = ScriptedStore::always(Reply::Record(record));
        let resolver = Resolver::new(store);
        let request = ResolveRequest::new("S".parse().unwrap(), Transport::Http);
        let error = resolver.resolve(&request).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::CorruptRecord);
    }

    #[tokio::test]
    async fn a_shared_store_resolves_too() {
        let store: Arc<dyn SessionStore> =
            Arc::new(MemoryStore::from_iter([http_only().build().unwrap()]));
        let resolver = Resolver::new(store);
        let request = ResolveRequest::new("s".parse().unwrap(), Transport::Http);
        assert!(matches!(
            resolver.resolve(&request).await.unwrap(),
            Outcome::Found(_)
        ));
        resolver.ping().await.unwrap();
    }
}
