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
///    [`lost`](Self::lost), or [`untold`](Self::untold) where more than time has
///    to pass until they are told. From then on it is one of these two or
///    `all_changed`, which comes before changes are confirmed again.
/// 5. **Untold is told anew** where the store finds out that lookups are
///    answered from elsewhere than before, by another server for instance.
///
/// For whoever keeps copies, `lost` is an outage, as a rule: what is kept is no
/// answer any more, and neither is what is looked up, a moment later. `untold`
/// is a store that answers and does not tell of changes: what is kept is gone,
/// and what is looked up is as good as it is young.
pub trait ChangeListener: fmt::Debug + Send + Sync + 'static {
    /// The record of this session may have changed, come or gone.
    fn changed(&self, id: &SessionId);

    /// Any record may have changed, come or gone.
    fn all_changed(&self);

    /// Every change that was made before `moment` has been told.
    fn confirmed(&self, moment: Instant);

    /// From now on changes may go untold, for a while.
    fn lost(&self);

    /// From now on changes go untold: the store does not tell of them as it is,
    /// or as it is set up. Any record may have changed, come or gone.
    fn untold(&self);
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

    fn untold(&self) {
        (**self).untold();
    }
}
