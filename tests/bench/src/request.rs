//! [`Request`]: what a gateway sends, for any session.

use std::ops::Range;

use dcv_resolver_bench::sessions;

use crate::target::NAME;

/// A request, rewritten in place for each session: clients that kept one for
/// each of a million would take the processor's cache from the servers.
#[derive(Debug)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    id: Range<usize>,
    /// Any number, the next one made of it.
    random: u64,
}

impl Request {
    /// Different seeds ask in different orders.
    pub(crate) fn new(seed: usize) -> Self {
        let (target, id) = (sessions::target(0), sessions::id(0));
        let text =
            format!("POST {target} HTTP/1.1\r\nhost: {NAME}:9000\r\ncontent-length: 0\r\n\r\n");
        let start = text.find(&id).unwrap_or_default();
        Self {
            bytes: text.into_bytes(),
            id: start..start + id.len(),
            random: (seed as u64).wrapping_mul(7919),
        }
    }

    pub(crate) fn set(&mut self, session: usize) {
        self.bytes[self.id.clone()].copy_from_slice(&sessions::id_bytes(session));
    }

    /// Any of so many sessions: in turn would find what was asked for just
    /// before in the processor's cache.
    pub(crate) fn set_any(&mut self, sessions: usize) {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.set((self.random >> 33) as usize % sessions);
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn id(&self) -> &[u8] {
        &self.bytes[self.id.clone()]
    }
}
