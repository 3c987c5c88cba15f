//! Removes a session without its lease token, for an operator.

use std::sync::Arc;

use dcv_resolver_core::{
    Expiry, Host, OnConflict, SessionId, SessionImport, SessionRecord, StoreErrorKind, Timestamp,
};

use crate::admin_error::AdminError;
use crate::admin_state::AdminState;
use crate::lease_token;
use crate::request_context::RequestContext;

/// Removes the session `id`, regardless of its lease.
///
/// A registry removes nothing without a lease. So the session is overwritten by
/// an expired one under a new lease, in one step, and that one is removed. If
/// only the first step succeeds, the session is gone for gateways, and is swept.
/// Its owner may register it again in between: then that registration stays.
pub(crate) async fn remove(
    admin: &AdminState,
    import: &Arc<dyn SessionImport>,
    context: &RequestContext,
    id: &SessionId,
) -> Result<(), AdminError> {
    let now = admin.clock.now();
    let deadline = context.deadline;
    let expired = match deadline.call(async { import.lookup(id).await }).await {
        Ok(Ok(Some(record))) => {
            context.check_host(record.host())?;
            record.with_expiry(Expiry::At(now))
        }
        Ok(Ok(None)) => return Err(AdminError::NoSuchSession),
        // A damaged record is one that operators have to remove.
        Ok(Err(error)) if error.kind() == StoreErrorKind::CorruptRecord => {
            context.check_any_host()?;
            placeholder(id, now)
        }
        Ok(Err(error)) => return Err(AdminError::Store(error.into())),
        Err(interrupted) => return Err(AdminError::Store(interrupted.into())),
    };
    let token = lease_token::generate()?;
    let removing = async {
        import
            .import(&[expired], &token, OnConflict::Overwrite, now)
            .await?;
        // `false` means that it is gone, or was registered since.
        import.deregister(id, &token).await
    };
    match deadline.call(removing).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(AdminError::RemovalUnknown(error.into())),
        Err(interrupted) => Err(AdminError::RemovalUnknown(interrupted.into())),
    }
}

/// Returns an expired record in place of one that cannot be read.
#[expect(clippy::expect_used, reason = "the parts are constants")]
fn placeholder(id: &SessionId, now: Timestamp) -> SessionRecord {
    let host: Host = "removed.invalid".parse().expect("it is a DNS name");
    SessionRecord::builder(id.clone(), host, Expiry::At(now))
        .http_port(1)
        .build()
        .expect("it has a port")
}
