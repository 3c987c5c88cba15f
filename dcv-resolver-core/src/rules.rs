//! The rules that a session is judged by, one function each: the
//! [`Resolver`](crate::Resolver) stops at the first that is broken, the
//! [`Explainer`](crate::Explainer) shows the result of each.

use crate::{
    Clock, Expiry, NotFound, Resolution, ResolveRequest, SessionRecord, SessionState, StoreError,
    StoreErrorKind, Timestamp, Transport,
};

/// Checks all of the rules in their order. The first that is broken is the
/// reason.
pub(crate) fn all(
    record: SessionRecord,
    transport: Transport,
    clock: &dyn Clock,
) -> Result<Resolution, NotFound> {
    // A record that never expires is live at any time, and reading the clock
    // would be a quarter of the cost of this function.
    if record.expiry() != Expiry::Never {
        is_live(&record, clock.now())?;
    }
    is_ready(&record)?;
    offers(record, transport)
}

pub(crate) fn is_live(record: &SessionRecord, now: Timestamp) -> Result<(), NotFound> {
    match record.expiry() {
        Expiry::At(expired_at) if !record.is_live(now) => Err(NotFound::Expired { expired_at }),
        _ => Ok(()),
    }
}

pub(crate) fn is_ready(record: &SessionRecord) -> Result<(), NotFound> {
    match record.state() {
        SessionState::Ready => Ok(()),
        state => Err(NotFound::NotReady { state }),
    }
}

pub(crate) fn offers(record: SessionRecord, transport: Transport) -> Result<Resolution, NotFound> {
    Resolution::new(record, transport).ok_or(NotFound::TransportNotOffered { transport })
}

/// Checks that the store returned the session that was asked for. A store that
/// compares ids by rules of its own, or mixes up its results, would otherwise
/// send a user to another user's desktop.
pub(crate) fn check_identity(
    request: &ResolveRequest,
    record: &SessionRecord,
) -> Result<(), StoreError> {
    if record.id() == request.session_id() {
        return Ok(());
    }
    let mismatch = format!(
        "looked up session {:?}, but the store returned session {:?}",
        request.session_id(),
        record.id(),
    );
    Err(StoreError::new("resolver", StoreErrorKind::CorruptRecord).with_source(mismatch))
}
