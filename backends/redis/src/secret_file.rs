//! Reads the files that settings name: certificates, keys and passwords.

use std::path::Path;

use dcv_resolver_core::StoreErrorKind;

use crate::failure::Failure;

/// Returns the content of a file that `setting` names.
pub(crate) async fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>, Failure> {
    let owned = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || dcv_resolver_file_watch::read(owned)).await;
    let content = reading.map_err(|_| Failure::aborted())?;
    content.map_err(|error| {
        Failure::new(
            StoreErrorKind::InvalidConfig,
            format!("cannot read {setting} {}: {error}", path.display()),
        )
    })
}
