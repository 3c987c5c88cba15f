//! Reads the files that settings name: certificates, keys and passwords.

use std::io::Read;
use std::path::Path;

use dcv_resolver_core::StoreErrorKind;

use crate::failure::Failure;

/// Far more than any password or bundle of certificates takes.
const MAX_BYTES: u64 = 1 << 20;

/// Editors on Windows write a byte order mark before UTF-8.
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
    // The size is not taken from the metadata: some file systems report 0, and
    // the file may grow.
    let mut content = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut content))
        .map_err(|error| error.to_string())?;
    if content.len() as u64 > MAX_BYTES {
        let max_mib = MAX_BYTES >> 20;
        return Err(format!(
            "it is larger than {max_mib} MiB, the limit for this kind of file; name another file"
        ));
    }
    if content.starts_with(BYTE_ORDER_MARK) {
        content.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_of_reasonable_size_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let longest = vec![b'x'; MAX_BYTES as usize];
        std::fs::write(&path, [BYTE_ORDER_MARK, &longest[3..]].concat()).unwrap();
        assert_eq!(read_blocking(&path).unwrap(), longest[3..]);
        std::fs::write(&path, [&longest[..], b"x"].concat()).unwrap();
        let error = read_blocking(&path).unwrap_err();
        assert!(error.starts_with("it is larger than 1 MiB"), "{error}");
    }
}
