//! [`ChangeListener`]: hears of changes in a store.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::SessionId;

/// Hears of changes in a store, for whoever keeps copies of what it answered.
///
/// A store that can tell of changes, whoever made them, takes a listener and
/// calls it from wherever it learns of them; calls return at once.
///
/// # Contract
///
/// For the store that calls:
///
/// 1. **No change goes untold.** Whatever changes what `lookup` answers is told
///    with [`changed`](Self::changed) or [`all_changed`](Self::all_changed).
/// 2. **Told means visible.** A `lookup` that begins after the call answers
///    with the change, or a later one.
/// 3. **Confirmed is current.** [`confirmed`](Self::confirmed) comes after the
///    calls for every change that was made before the moment it names.
/// 4. **Lost is told.** As soon as changes may go untold, the call is
///    [`lost`](Self::lost); then no other until `all_changed`, which comes
///    before changes are confirmed again.
pub trait ChangeListener: fmt::Debug + Send + Sync + 'static {
    /// The record of this session may have changed, come or gone.
    fn changed(&self, id: &SessionId);

    /// Any record may have changed, come or gone.
    fn all_changed(&self);

    /// Every change that was made before `moment` has been told.
    fn confirmed(&self, moment: Instant);

    /// From now on changes may go untold.
    fn lost(&self);
}

#[deny(clippy::missing_trait_methods)]
impl<T: ChangeListener + ?Sized> ChangeListener for Arc<T> {
    fn changed(&self, id: &SessionId) {
        (**self).changed(id);
    }

    fn all_changed(&self) {
        (**self).all_changed();
    }

    fn confirmed(&self, moment: Instant) {
        (**self).confirmed(moment);
    }

    fn lost(&self) {
        (**self).lost();
    }
}
