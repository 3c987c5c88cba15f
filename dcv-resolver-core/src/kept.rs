//! [`Kept`]: a record as it is kept in memory.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::time::Duration;

use crate::{Expiry, Host, SessionId, SessionState, Timestamp, WebUrlPath};

/// A record as it is kept: there may be millions, and a lookup is the faster,
/// the fewer lines of memory are read for it.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) id: SessionId,
    pub(crate) host: Host,
    rest: Option<Box<Rest>>,
    /// Of no meaning unless `expires`. Both together are the [`Expiry`], which
    /// takes twice the memory where it stands as one.
    expires_at: Timestamp,
    pub(crate) http_port: Option<NonZeroU16>,
    pub(crate) quic_port: Option<NonZeroU16>,
    pub(crate) state: SessionState,
    expires: bool,
}

/// What few records have: apart, and there only where it says something.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Rest {
    pub(crate) target_id: Option<SessionId>,
    pub(crate) web_url_path: WebUrlPath,
    pub(crate) owner: Option<Box<str>>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) stale_age: Option<Duration>,
}

static EMPTY: Rest = Rest {
    target_id: None,
    web_url_path: WebUrlPath::ROOT,
    owner: None,
    labels: BTreeMap::new(),
    stale_age: None,
};

impl Kept {
    pub(crate) fn new(
        id: SessionId,
        host: Host,
        (http_port, quic_port): (Option<NonZeroU16>, Option<NonZeroU16>),
        state: SessionState,
        expiry: Expiry,
        rest: Rest,
    ) -> Self {
        let mut kept = Self {
            id,
            host,
            rest: (rest != EMPTY).then(|| Box::new(rest)),
            expires_at: NO_MEANING,
            http_port,
            quic_port,
            state,
            expires: false,
        };
        kept.set_expiry(expiry);
        kept
    }

    pub(crate) fn rest(&self) -> &Rest {
        self.rest.as_deref().unwrap_or(&EMPTY)
    }

    pub(crate) fn rest_mut(&mut self) -> &mut Rest {
        self.rest.get_or_insert_with(|| Box::new(EMPTY.clone()))
    }

    pub(crate) fn expiry(&self) -> Expiry {
        Expiry::from(self.expires.then_some(self.expires_at))
    }

    pub(crate) fn set_expiry(&mut self, expiry: Expiry) {
        let expires_at = Option::from(expiry);
        self.expires = expires_at.is_some();
        self.expires_at = expires_at.unwrap_or(NO_MEANING);
    }

    /// What it takes in an `Arc`, which counts twice beside it.
    pub(crate) fn memory_bytes(&self) -> usize {
        let rest = self
            .rest
            .as_ref()
            .map_or(0, |rest| allocated(size_of::<Rest>()) + rest.heap_bytes());
        allocated(2 * size_of::<usize>() + size_of::<Self>())
            + self.id.heap_bytes()
            + self.host.heap_bytes()
            + rest
    }
}

const NO_MEANING: Timestamp = Timestamp::from_unix_ms(0);

impl Rest {
    fn heap_bytes(&self) -> usize {
        // A node of the map has room for 11 labels, and 5 at the least where
        // there are several.
        const LABELS: usize = 11;
        let nodes = self.labels.len().div_ceil(LABELS / 2);
        let node = allocated(LABELS * size_of::<(String, String)>() + 16);
        let labels = self.labels.iter();
        self.target_id.as_ref().map_or(0, SessionId::heap_bytes)
            + self.web_url_path.heap_bytes()
            + self
                .owner
                .as_ref()
                .map_or(0, |owner| allocated(owner.len()))
            + nodes * node
            + labels
                .map(|(name, value)| allocated(name.capacity()) + allocated(value.capacity()))
                .sum::<usize>()
    }
}

/// What an allocation of so many bytes takes, where it takes the most of the
/// common allocators: 8 more, in steps of 16, and 32 at the least.
pub(crate) fn allocated(bytes: usize) -> usize {
    (bytes + 8).next_multiple_of(16).max(32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A resolver is measured by a million of them.
    #[test]
    fn it_takes_no_more_than_88_bytes() {
        assert!(size_of::<Kept>() <= 88, "{} bytes", size_of::<Kept>());
    }
}
