//! [`RecordInner`]: the memory layout of a record.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::time::Duration;

use crate::memory_size::{allocated_bytes, arc_bytes};
use crate::stored_form::RecordFields;
use crate::{Expiry, Host, SessionId, SessionState, Timestamp, WebUrlPath};

/// The fields of a record.
///
/// There may be millions of records, so the layout minimizes the memory that a
/// record takes and the cache lines that a lookup touches.
///
/// What has to be done for every field names them all, so that a new field is an
/// error of the compiler until each of these functions considers it.
#[derive(Clone)]
pub(crate) struct RecordInner {
    pub(crate) id: SessionId,
    pub(crate) host: Host,
    cold: Option<Box<ColdFields>>,
    /// Meaningless unless `expires`. An [`Expiry`] would take twice the memory.
    expires_at: Timestamp,
    pub(crate) http_port: Option<NonZeroU16>,
    pub(crate) quic_port: Option<NonZeroU16>,
    pub(crate) state: SessionState,
    expires: bool,
}

/// The fields that few records have, allocated only if one of them is set.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ColdFields {
    pub(crate) target_id: Option<SessionId>,
    pub(crate) web_url_path: WebUrlPath,
    pub(crate) owner: Option<Box<str>>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) stale_age: Option<Duration>,
}

static EMPTY: ColdFields = ColdFields {
    target_id: None,
    web_url_path: WebUrlPath::ROOT,
    owner: None,
    labels: BTreeMap::new(),
    stale_age: None,
};

impl RecordInner {
    pub(crate) fn new(
        id: SessionId,
        host: Host,
        (http_port, quic_port): (Option<NonZeroU16>, Option<NonZeroU16>),
        state: SessionState,
        expiry: Expiry,
        cold: ColdFields,
    ) -> Self {
        let mut inner = Self {
            id,
            host,
            cold: (cold != EMPTY).then(|| Box::new(cold)),
            expires_at: NO_MEANING,
            http_port,
            quic_port,
            state,
            expires: false,
        };
        inner.set_expiry(expiry);
        inner
    }

    pub(crate) fn cold(&self) -> &ColdFields {
        self.cold.as_deref().unwrap_or(&EMPTY)
    }

    pub(crate) fn cold_mut(&mut self) -> &mut ColdFields {
        self.cold.get_or_insert_with(|| Box::new(EMPTY.clone()))
    }

    pub(crate) fn expiry(&self) -> Expiry {
        Expiry::from(self.expires.then_some(self.expires_at))
    }

    pub(crate) fn set_expiry(&mut self, expiry: Expiry) {
        let expires_at = Option::from(expiry);
        self.expires = expires_at.is_some();
        self.expires_at = expires_at.unwrap_or(NO_MEANING);
    }

    /// Returns the fields as they are stored, so without the age.
    pub(crate) fn fields(&self) -> RecordFields {
        let Self {
            id,
            host,
            cold: _,
            expires_at: _,
            http_port,
            quic_port,
            state,
            expires: _,
        } = self;
        let ColdFields {
            target_id,
            web_url_path,
            owner,
            labels,
            stale_age: _,
        } = self.cold();
        let mut fields = RecordFields::new(id.clone(), host.clone(), self.expiry());
        fields.target_id = target_id.clone();
        fields.http_port = http_port.map(NonZeroU16::get);
        fields.quic_port = quic_port.map(NonZeroU16::get);
        fields.web_url_path = web_url_path.clone();
        fields.state = *state;
        fields.owner = owner.clone();
        fields.labels = labels.clone();
        fields
    }

    /// Returns the size of the record in memory, in an `Arc`.
    pub(crate) fn memory_bytes(&self) -> usize {
        let Self {
            id,
            host,
            cold,
            expires_at: _,
            http_port: _,
            quic_port: _,
            state: _,
            expires: _,
        } = self;
        let cold = cold.as_ref().map_or(0, |cold| {
            allocated_bytes(size_of::<ColdFields>()) + cold.heap_bytes()
        });
        arc_bytes(size_of::<Self>()) + id.heap_bytes() + host.heap_bytes() + cold
    }
}

/// Compares all but the age.
impl PartialEq for RecordInner {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            id,
            host,
            cold: _,
            expires_at: _,
            http_port,
            quic_port,
            state,
            expires: _,
        } = self;
        let ColdFields {
            target_id,
            web_url_path,
            owner,
            labels,
            stale_age: _,
        } = self.cold();
        let other_cold = other.cold();
        *id == other.id
            && *host == other.host
            && *http_port == other.http_port
            && *quic_port == other.quic_port
            && *state == other.state
            && self.expiry() == other.expiry()
            && *target_id == other_cold.target_id
            && *web_url_path == other_cold.web_url_path
            && *owner == other_cold.owner
            && *labels == other_cold.labels
    }
}

impl Eq for RecordInner {}

const NO_MEANING: Timestamp = Timestamp::from_unix_ms(0);

impl ColdFields {
    fn heap_bytes(&self) -> usize {
        // A node of the map has room for 11 labels, and holds at least 5 where
        // there are several nodes.
        const LABELS: usize = 11;
        let Self {
            target_id,
            web_url_path,
            owner,
            labels,
            stale_age: _,
        } = self;
        let nodes = labels.len().div_ceil(LABELS / 2);
        let node = allocated_bytes(LABELS * size_of::<(String, String)>() + 16);
        target_id.as_ref().map_or(0, SessionId::heap_bytes)
            + web_url_path.heap_bytes()
            + owner
                .as_ref()
                .map_or(0, |owner| allocated_bytes(owner.len()))
            + nodes * node
            + labels
                .iter()
                .map(|(name, value)| {
                    allocated_bytes(name.capacity()) + allocated_bytes(value.capacity())
                })
                .sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_takes_at_most_56_bytes_beside_its_text() {
        assert!(
            size_of::<RecordInner>() <= 56,
            "{} bytes",
            size_of::<RecordInner>()
        );
    }
}
