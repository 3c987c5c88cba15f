//! [`Turns`]: long work in pieces, between which others go first.
//!
//! A thread that wakes up, as one that answers a request, waits where another
//! has just begun to run: on Linux for several milliseconds, also where that
//! other has the lowest priority of all but one. That one, `SCHED_IDLE`, would
//! be idle for good on a busy machine. So the work stops now and then by
//! itself, after less time than a request takes. Where nobody waits, stopping
//! costs next to nothing.

use std::thread;

/// Counts the pieces.
#[derive(Debug)]
pub(crate) struct Turns {
    every: u32,
    left: u32,
}

impl Turns {
    /// Others go first after so many pieces.
    pub(crate) fn every(pieces: u32) -> Self {
        Self {
            every: pieces,
            left: pieces,
        }
    }

    /// A piece is done.
    pub(crate) fn piece(&mut self) {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.left = self.every;
            thread::yield_now();
        }
    }
}

/// Drops what `items` gives, a piece each.
pub(crate) fn free(items: impl IntoIterator) {
    let mut turns = Turns::every(256);
    for item in items {
        drop(item);
        turns.piece();
    }
}

/// Gives memory back in pieces, the last first.
pub(crate) fn free_bytes(mut bytes: Vec<u8>) {
    const PIECE: usize = 1 << 20;

    while let Some(rest) = bytes.len().checked_sub(PIECE) {
        bytes.truncate(rest);
        bytes.shrink_to_fit();
        thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn everything_is_freed_however_many_pieces_it_is() {
        let item = Arc::new(());
        for pieces in [0, 1, 256, 1_000] {
            free(vec![Arc::clone(&item); pieces]);
            assert_eq!(Arc::strong_count(&item), 1, "{pieces}");
        }
    }
}
