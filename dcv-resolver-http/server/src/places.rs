//! [`Places`]: how many connections are open, and which one makes room.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::activity::Activity;
use crate::connections::Connections;
use crate::peer::Peer;
use crate::room_signal::RoomSignal;

/// How long a connection that was asked to close may take before another is
/// asked: a client can delay the end of TLS.
const EVICTION_TIME: Duration = Duration::from_secs(1);

/// The places for connections: a limited number in total, and fewer for each
/// peer, so that one host cannot take them all.
#[derive(Debug)]
pub(crate) struct Places {
    max: usize,
    max_per_peer: usize,
    taken: Mutex<Taken>,
    room: Arc<RoomSignal>,
    connections: Connections,
}

#[derive(Debug, Default)]
struct Taken {
    /// Every connection that is open, evicted ones included.
    count: usize,
    /// How many were evicted and are not closed yet.
    leaving: usize,
    evicted_at: Option<Instant>,
    /// Those that were not evicted.
    peers: HashMap<Peer, Vec<Arc<Activity>>>,
}

/// A place, taken until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    peer: Peer,
    pub(crate) activity: Arc<Activity>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// All are taken.
    Full,
    /// The peer has all that it may have, and none is idle.
    TooManyOfPeer,
}

impl Places {
    pub(crate) fn new(max: usize, max_per_peer: usize, connections: Connections) -> Self {
        Self {
            max,
            max_per_peer,
            taken: Mutex::default(),
            room: Arc::new(RoomSignal::new()),
            connections,
        }
    }

    /// Returns the activity of a connection that takes no place.
    pub(crate) fn without_place(&self) -> Arc<Activity> {
        Arc::new(Activity::new(Arc::clone(&self.room)))
    }

    /// Takes a place. A peer that has all it may have loses its longest idle
    /// connection for it.
    pub(crate) fn take(self: &Arc<Self>, peer: Peer) -> Result<Place, NoPlace> {
        let mut taken = self.taken();
        self.make_room_for(peer, &mut taken)?;
        if taken.count >= self.max {
            return Err(NoPlace::Full);
        }
        taken.count += 1;
        let activity = self.without_place();
        taken.add(peer, Arc::clone(&activity));
        Ok(Place {
            places: Arc::clone(self),
            peer,
            activity,
        })
    }

    /// Waits for a place. The longest idle connection is closed for it; while
    /// none is idle, this waits until one is, or ends. It is cancel safe.
    pub(crate) async fn wait(self: &Arc<Self>, peer: Peer) -> Result<Place, NoPlace> {
        loop {
            let mut changed = pin!(self.room.changed());
            changed.as_mut().enable();
            match self.take(peer) {
                Err(NoPlace::Full) => {}
                taken_or_refused => {
                    self.room.set_wants_idle(false);
                    return taken_or_refused;
                }
            }
            self.room.set_wants_idle(true);
            let is_leaving = self.evict_longest_idle();
            self.room.set_wants_idle(!is_leaving);
            // If none comes free in time, another one is evicted.
            let _elapsed = tokio::time::timeout(EVICTION_TIME, changed).await;
        }
    }

    /// Returns whether a connection is about to close.
    fn evict_longest_idle(&self) -> bool {
        let mut taken = self.taken();
        let is_recent = |at: Instant| at.elapsed() < EVICTION_TIME;
        if taken.leaving > 0 && taken.evicted_at.is_some_and(is_recent) {
            return true;
        }
        let idle = taken.peers.iter().flat_map(|(&peer, activities)| {
            activities
                .iter()
                .enumerate()
                .filter_map(move |(index, activity)| Some((activity.idle_since()?, peer, index)))
        });
        let longest = idle.min_by_key(|&(since, ..)| since);
        match longest {
            None => false,
            Some((_, peer, index)) => {
                self.evict(&mut taken, peer, index);
                true
            }
        }
    }

    fn make_room_for(&self, peer: Peer, taken: &mut Taken) -> Result<(), NoPlace> {
        let Some(activities) = taken.peers.get(&peer) else {
            return Ok(());
        };
        if peer == Peer::Unlimited || activities.len() < self.max_per_peer {
            return Ok(());
        }
        let idle = activities.iter().enumerate();
        let longest = idle
            .filter_map(|(index, activity)| Some((activity.idle_since()?, index)))
            .min()
            .ok_or(NoPlace::TooManyOfPeer)?;
        self.evict(taken, peer, longest.1);
        Ok(())
    }

    fn evict(&self, taken: &mut Taken, peer: Peer, index: usize) {
        if let Some(activities) = taken.peers.get_mut(&peer) {
            activities.swap_remove(index).evict();
            taken.leaving += 1;
            taken.evicted_at = Some(Instant::now());
            self.connections.evicted();
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Nothing panics in the middle of a change.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn add(&mut self, peer: Peer, activity: Arc<Activity>) {
        self.peers.entry(peer).or_default().push(activity);
    }

    /// Returns whether the connection was still counted; an evicted one is not.
    fn remove(&mut self, peer: Peer, activity: &Arc<Activity>) -> bool {
        let Some(activities) = self.peers.get_mut(&peer) else {
            return false;
        };
        let index = activities.iter().position(|it| Arc::ptr_eq(it, activity));
        if let Some(index) = index {
            activities.swap_remove(index);
        }
        if activities.is_empty() {
            self.peers.remove(&peer);
        }
        index.is_some()
    }
}

impl Place {
    /// Counts the connection as one of `peer` from now on.
    pub(crate) fn assign(&mut self, peer: Peer) -> Result<(), NoPlace> {
        let mut taken = self.places.taken();
        self.places.make_room_for(peer, &mut taken)?;
        if taken.remove(self.peer, &self.activity) {
            taken.add(peer, Arc::clone(&self.activity));
        }
        self.peer = peer;
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        {
            let mut taken = self.places.taken();
            taken.count -= 1;
            if !taken.remove(self.peer, &self.activity) {
                taken.leaving -= 1;
            }
        }
        self.places.room.became_free();
    }
}
