//! [`SessionRecord`]: what a store holds about one session.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::record_inner::{ColdFields, RecordInner};
use crate::stored_form::RecordFields;
use crate::{Expiry, Host, SessionId, SessionState, Timestamp, Transport, WebUrlPath};

/// One session: where it runs, and whether it can be reached.
///
/// Cloning is cheap: clones share one allocation. Serializes to the
/// [stored form](crate::stored_form).
///
/// ```
/// use dcv_resolver_core::{Expiry, SessionId, SessionRecord, Transport};
///
/// let record = SessionRecord::builder("i-0abc".parse()?, "ws-17.dcv.example".parse()?, Expiry::Never)
///     .target_id(SessionId::new("console")?)
///     .http_port(8443)
///     .build()?;
///
/// assert_eq!(record.target_id().as_str(), "console");
/// assert_eq!(record.port(Transport::Http), Some(8443));
/// assert_eq!(record.port(Transport::Quic), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SessionRecord(Arc<RecordInner>);

/// An error that occurs when the parts do not form a valid [`SessionRecord`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRecord {
    /// Neither port is given, so no client could connect.
    #[error("a session needs an HTTP port, a QUIC port, or both")]
    NoPort,
    /// A port is 0.
    #[error("a port is a number from 1 to 65535")]
    PortZero,
}

impl SessionRecord {
    /// Returns the id that clients ask for.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.0.id
    }

    /// Returns the id on the DCV server: [`id`](Self::id), unless set otherwise.
    #[must_use]
    pub fn target_id(&self) -> &SessionId {
        self.0.cold().target_id.as_ref().unwrap_or(&self.0.id)
    }

    /// Returns the host of the DCV server.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.0.host
    }

    /// Returns the port for `transport`, TCP for HTTP and UDP for QUIC; `None`
    /// if the server does not offer it.
    #[must_use]
    pub fn port(&self, transport: Transport) -> Option<u16> {
        let port = match transport {
            Transport::Http => self.0.http_port,
            Transport::Quic => self.0.quic_port,
        };
        port.map(NonZeroU16::get)
    }

    /// Returns the path of the DCV server's web client.
    #[must_use]
    pub fn web_url_path(&self) -> &WebUrlPath {
        &self.0.cold().web_url_path
    }

    /// Returns the state of the session.
    #[must_use]
    pub fn state(&self) -> SessionState {
        self.0.state
    }

    /// Returns when the record expires.
    #[must_use]
    pub fn expiry(&self) -> Expiry {
        self.0.expiry()
    }

    /// Returns the owner of the session. It is for people; the resolver ignores
    /// it.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.0.cold().owner.as_deref()
    }

    /// Returns the labels. They are for people and policies; the resolver
    /// itself ignores them.
    #[must_use]
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.0.cold().labels
    }

    /// Returns the age of the record if a cache returned it because its store
    /// failed, and `None` otherwise.
    ///
    /// It is not part of the session: comparing and serializing ignore it, and
    /// [`to_builder`](Self::to_builder) omits it.
    #[must_use]
    pub fn stale_age(&self) -> Option<Duration> {
        self.0.cold().stale_age
    }

    /// Returns whether the record is live: `now` is before its expiry.
    ///
    /// This is the one definition of liveness. Stores do not decide it for a
    /// lookup; the [`Resolver`](crate::Resolver) does.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        !self.expiry().is_past(now)
    }

    /// Returns this record with another expiry, as after a renewal of its lease.
    #[must_use]
    pub fn with_expiry(mut self, expiry: Expiry) -> Self {
        Arc::make_mut(&mut self.0).set_expiry(expiry);
        self
    }

    /// Returns this record, marked with its [age](Self::stale_age).
    #[must_use]
    pub fn with_stale_age(mut self, age: Duration) -> Self {
        Arc::make_mut(&mut self.0).cold_mut().stale_age = Some(age);
        self
    }

    /// Returns an estimate of the memory that the record takes, for caches with
    /// a memory limit. Clones share that memory.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }

    pub(crate) fn fields(&self) -> RecordFields {
        self.0.fields()
    }
}

impl fmt::Debug for SessionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionRecord")
            .field(&self.fields())
            .finish()
    }
}

impl TryFrom<RecordFields> for SessionRecord {
    type Error = InvalidRecord;

    fn try_from(fields: RecordFields) -> Result<Self, InvalidRecord> {
        let RecordFields {
            id,
            target_id,
            host,
            http_port,
            quic_port,
            web_url_path,
            state,
            expiry,
            owner,
            labels,
            version: _,
        } = fields;
        let http_port = http_port.map(not_zero).transpose()?;
        let quic_port = quic_port.map(not_zero).transpose()?;
        if http_port.is_none() && quic_port.is_none() {
            return Err(InvalidRecord::NoPort);
        }
        let cold = ColdFields {
            // Equal ids are stored once.
            target_id: target_id.filter(|target| *target != id),
            web_url_path,
            owner,
            labels,
            stale_age: None,
        };
        let ports = (http_port, quic_port);
        let inner = RecordInner::new(id, host, ports, state, expiry, cold);
        Ok(Self(Arc::new(inner)))
    }
}

fn not_zero(port: u16) -> Result<NonZeroU16, InvalidRecord> {
    NonZeroU16::new(port).ok_or(InvalidRecord::PortZero)
}

impl Serialize for SessionRecord {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SessionRecord {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        RecordFields::deserialize(deserializer)?
            .try_into()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SessionRecordBuilder;

    fn builder() -> SessionRecordBuilder {
        SessionRecord::builder(
            "i-0abc".parse().unwrap(),
            "ws-17.dcv.example".parse().unwrap(),
            Expiry::At(Timestamp::from_unix_ms(1_000)),
        )
    }

    #[test]
    fn record_without_a_port_or_with_port_zero_is_rejected() {
        assert_eq!(builder().build(), Err(InvalidRecord::NoPort));
        assert_eq!(builder().http_port(0).build(), Err(InvalidRecord::PortZero));
        assert_eq!(
            builder().http_port(1).quic_port(0).build(),
            Err(InvalidRecord::PortZero)
        );
        assert!(builder().quic_port(65535).build().is_ok());
    }

    #[test]
    fn target_id_equal_to_the_id_is_not_stored() {
        let plain = builder().http_port(1).build().unwrap();
        let mapped = builder()
            .target_id("i-0abc".parse::<SessionId>().unwrap())
            .http_port(1)
            .build();
        assert_eq!(mapped.as_ref(), Ok(&plain));
        let json = r#"{"id":"i-0abc","target_id":"i-0abc","host":"ws-17.dcv.example","http_port":1,"expires_at_ms":1000}"#;
        assert_eq!(serde_json::from_str::<SessionRecord>(json).unwrap(), plain);
    }

    #[test]
    fn every_field_is_serialized_and_deserialized() {
        let record = builder()
            .target_id("console".parse::<SessionId>().unwrap())
            .http_port(8443)
            .quic_port(8444)
            .web_url_path("/desktop".parse().unwrap())
            .state(SessionState::Creating)
            .owner("ann")
            .label("project", "cad")
            .build()
            .unwrap();
        let json = serde_json::json!({
            "id": "i-0abc",
            "target_id": "console",
            "host": "ws-17.dcv.example",
            "http_port": 8443,
            "quic_port": 8444,
            "web_url_path": "/desktop",
            "state": "CREATING",
            "expires_at_ms": 1000,
            "owner": "ann",
            "labels": {"project": "cad"},
        });
        assert_eq!(serde_json::to_value(&record).unwrap(), json);
        assert_eq!(
            serde_json::from_value::<SessionRecord>(json).unwrap(),
            record
        );
    }

    #[test]
    fn impossible_record_is_not_deserialized() {
        for (json, expected) in [
            (
                r#"{"id":"a","host":"h","http_port":1}"#,
                "missing field `expires_at_ms`",
            ),
            (
                r#"{"id":"a","host":"h","expires_at_ms":null}"#,
                "needs an HTTP port",
            ),
            (
                r#"{"id":"a","host":"h:1","http_port":1,"expires_at_ms":null}"#,
                "a field of its own",
            ),
        ] {
            let error = serde_json::from_str::<SessionRecord>(json).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn to_builder_changes_only_what_is_set() {
        let record = builder().http_port(1).owner("ann").build().unwrap();
        let host: Host = "ws-18.dcv.example".parse().unwrap();
        let moved = record.to_builder().host(host.clone()).build().unwrap();
        assert_eq!(moved.host(), &host);
        let back = moved.to_builder().host(record.host().clone()).build();
        assert_eq!(back, Ok(record));
    }

    #[test]
    fn with_expiry_leaves_other_clones_unchanged() {
        let record = builder().http_port(1).build().unwrap();
        let renewed = record.clone().with_expiry(Expiry::Never);
        assert_eq!(renewed.expiry(), Expiry::Never);
        assert_eq!(record.expiry(), Expiry::At(Timestamp::from_unix_ms(1_000)));
        let never = builder().http_port(1).expiry(Expiry::Never).build();
        assert_eq!(never, Ok(renewed));
    }

    #[test]
    fn records_that_differ_in_a_field_are_not_equal() {
        let record = builder().http_port(1).build().unwrap();
        assert_eq!(record, record.to_builder().build().unwrap());
        let change = || record.to_builder();
        for other in [
            SessionRecord::builder("i".parse().unwrap(), record.host().clone(), record.expiry())
                .http_port(1),
            change().target_id("console".parse::<SessionId>().unwrap()),
            change().host("ws-18.dcv.example".parse().unwrap()),
            change().http_port(2),
            change().quic_port(1),
            change().web_url_path("/desktop".parse().unwrap()),
            change().state(SessionState::Creating),
            change().expiry(Expiry::Never),
            change().owner("ann"),
            change().label("project", "cad"),
        ] {
            assert_ne!(record, other.build().unwrap());
        }
    }

    #[test]
    fn stale_age_is_not_compared_serialized_or_copied() {
        let age = Duration::from_secs(61);
        let plain = builder().http_port(1).build().unwrap();
        let owned = builder().http_port(1).owner("ann").build().unwrap();
        for record in [plain, owned] {
            let stale = record.clone().with_stale_age(age);
            assert_eq!(stale.stale_age(), Some(age));
            assert_eq!(record.stale_age(), None);
            assert_eq!(stale, record);
            assert_eq!(stale.owner(), record.owner());
            assert_eq!(
                stale.clone().with_expiry(Expiry::Never).stale_age(),
                Some(age)
            );
            // Serialized and copied without it.
            assert_eq!(
                serde_json::to_value(&stale).unwrap(),
                serde_json::to_value(&record).unwrap()
            );
            assert_eq!(stale.to_builder().build(), Ok(record));
        }
    }
}
