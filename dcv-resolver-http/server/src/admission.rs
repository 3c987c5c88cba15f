//! [`Admission`]: which peers are let in, and where.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::activity::Activity;
use crate::failure::Failure;
use crate::peer_filter::PeerFilter;
use crate::places::{NoPlace, Place, Places};

/// Lets connections in by the address of their peer. A peer that is not allowed
/// never takes another peer's place: its connection is closed at once, or
/// answered in one of a few places that are reserved for such peers.
#[derive(Debug)]
pub(crate) struct Admission {
    allowed: Option<PeerFilter>,
    load_balancers: Option<PeerFilter>,
    refusals: Arc<Semaphore>,
    pub(crate) places: Arc<Places>,
}

/// How a connection was let in.
#[derive(Debug)]
pub(crate) enum Admitted {
    To(Place),
    /// Only for one answer, which refuses it.
    ForRefusal {
        activity: Arc<Activity>,
        _permit: OwnedSemaphorePermit,
    },
}

impl Admission {
    pub(crate) fn new(
        places: Places,
        allowed: Option<PeerFilter>,
        load_balancers: Option<PeerFilter>,
        max_answered_refusals: usize,
    ) -> Self {
        let refusals = max_answered_refusals.min(Semaphore::MAX_PERMITS);
        Self {
            allowed,
            load_balancers,
            refusals: Arc::new(Semaphore::new(refusals)),
            places: Arc::new(places),
        }
    }

    /// Returns whether connections of this peer begin with a PROXY protocol
    /// header.
    pub(crate) fn is_load_balancer(&self, peer: Option<SocketAddr>) -> bool {
        let load_balancers = self.load_balancers.as_ref();
        peer.is_some_and(|peer| load_balancers.is_some_and(|them| them.contains(peer)))
    }

    /// Returns whether the peer may take a place. The permissions of its file
    /// decide who may connect to a Unix socket.
    pub(crate) fn allows(&self, peer: Option<SocketAddr>) -> bool {
        let allowed = self.allowed.as_ref();
        peer.is_none_or(|peer| allowed.is_none_or(|allowed| allowed.contains(peer)))
    }

    /// Lets a peer that is not allowed in for one answer, if there is room for
    /// it.
    pub(crate) fn admit_for_refusal(&self) -> Option<Admitted> {
        let permit = Arc::clone(&self.refusals).try_acquire_owned().ok()?;
        Some(Admitted::ForRefusal {
            activity: self.places.without_place(),
            _permit: permit,
        })
    }

    /// Counts a connection that was admitted as a load balancer's as one of its
    /// `client`.
    pub(crate) fn reassign(
        &self,
        mut place: Place,
        client: Option<SocketAddr>,
    ) -> Result<Option<Admitted>, Failure> {
        if !self.allows(client) {
            drop(place);
            return Ok(self.admit_for_refusal());
        }
        match place.assign(client.into()) {
            Ok(()) => Ok(Some(Admitted::To(place))),
            Err(NoPlace::Full | NoPlace::TooManyOfPeer) => Err(Failure::TooManyOfPeer),
        }
    }
}

impl Admitted {
    pub(crate) fn activity(&self) -> &Arc<Activity> {
        match self {
            Self::To(place) => &place.activity,
            Self::ForRefusal { activity, .. } => activity,
        }
    }

    pub(crate) fn is_refused(&self) -> bool {
        matches!(self, Self::ForRefusal { .. })
    }
}
