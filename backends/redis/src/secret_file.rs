//! Reads the files that settings name: certificates, keys and passwords.

use std::path::Path;

use dcv_resolver_core::StoreErrorKind;

use crate::failure::Failure;

/// Far more than any password or bundle of certificates.
const MAX_BYTES: u64 = 1 << 20;

/// Editors on Windows put it before UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Returns the content of a file that `setting` names, without a byte order mark.
pub(crate) async fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>, Failure> {
    let owned = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || read_blocking(&owned)).await;
    let content = reading.map_err(|_| Failure::aborted())?;
    content.map_err(|reason| {
        Failure::new(
            StoreErrorKind::InvalidConfig,
            format!("cannot read {setting} {}: {reason}", path.display()),
        )
    })
}

fn read_blocking(path: &Path) -> Result<Vec<u8>, String> {
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    // Opening a FIFO would wait for its writer.
    if !metadata.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    if metadata.len() > MAX_BYTES {
        return Err("it is larger than 1 MiB".to_owned());
    }
    let mut content = std::fs::read(path).map_err(|error| error.to_string())?;
    if content.starts_with(BYTE_ORDER_MARK) {
        content.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(content)
}
