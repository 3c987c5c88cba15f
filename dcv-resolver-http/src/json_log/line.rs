//! [`Line`].

use std::cell::Cell;

use super::timestamp::Timestamps;

/// What a thread writes an event into, and keeps for its next one.
#[derive(Debug, Default)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) timestamps: Timestamps,
}

/// A longer one is given back: it will be long before there is another.
const MAX_KEPT_BYTES: usize = 16 * 1024;

thread_local! {
    static KEPT: Cell<Line> = Cell::default();
}

impl Line {
    /// The thread's own one, which is empty. It is taken away for the time
    /// being: a value that leaves an event while it is formatted finds another.
    pub(crate) fn take() -> Self {
        // A thread that ends has none any more.
        KEPT.try_with(Cell::take).unwrap_or_default()
    }

    pub(crate) fn keep(mut self) {
        if self.text.capacity() > MAX_KEPT_BYTES {
            self.text = String::new();
        }
        self.text.clear();
        let _kept = KEPT.try_with(|kept| kept.set(self));
    }
}
