//! [`read`]: reads a small file.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::path::Path;

use crate::open::open;

/// The greatest size of a small file, in bytes: 1 MiB.
///
/// More than any certificate chain or list of tokens needs. Without a limit, a
/// path that points to a log by accident would exhaust the memory of the
/// process.
pub const MAX_BYTES: u64 = 1 << 20;

/// The content of a file, or why it cannot be read.
pub type Content = io::Result<Vec<u8>>;

#[cfg(feature = "tokio")]
pub(crate) fn read_all(paths: &[std::path::PathBuf]) -> Vec<Content> {
    paths.iter().map(read).collect()
}

/// Reads the small file at `path`, without waiting for another process.
///
/// A UTF-8 byte order mark, which editors on Windows write before the text, is
/// not part of the content.
///
/// # Errors
///
/// If the operating system refuses to open or read the file, or if the file is
/// not a regular file, or is larger than [`MAX_BYTES`]. The message says what to
/// do about a file that is missing, may not be read, or is too large.
pub fn read(path: impl AsRef<Path>) -> Content {
    let file = open(path)?;
    let file_type = file.metadata()?.file_type();
    if !file_type.is_file() {
        let found = if file_type.is_dir() {
            "it is a directory; name a file in it"
        } else {
            "it is not a regular file"
        };
        return Err(io::Error::new(io::ErrorKind::InvalidInput, found));
    }
    let mut content = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MAX_BYTES {
        let max_mib = MAX_BYTES >> 20;
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "it is larger than {max_mib} MiB, the limit for this kind of file; name another file, or shorten it"
            ),
        ));
    }
    if content.starts_with(BYTE_ORDER_MARK) {
        content.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(content)
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Returns a hash of `contents`, so that no secret is kept just to compare it.
#[must_use]
pub fn digest(contents: &[Content]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for content in contents {
        match content {
            Ok(bytes) => bytes.hash(&mut hasher),
            Err(error) => error.kind().hash(&mut hasher),
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_a_file_of_reasonable_size_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let longest = vec![b'x'; MAX_BYTES as usize];
        fs::write(&path, &longest).unwrap();
        assert_eq!(read(&path).unwrap(), longest);
        fs::write(&path, [&longest[..], b"x"].concat()).unwrap();
        let error = read(&path).unwrap_err();
        assert_eq!(
            error.to_string(),
            "it is larger than 1 MiB, the limit for this kind of file; name another file, or shorten it"
        );
        let error = read(folder.path()).unwrap_err();
        assert_eq!(error.to_string(), "it is a directory; name a file in it");
    }

    #[test]
    fn byte_order_mark_is_not_part_of_the_content() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (written, expected) in [
            ("\u{feff}a\u{feff}", "a\u{feff}"),
            ("\u{feff}", ""),
            ("a", "a"),
        ] {
            fs::write(file.path(), written).unwrap();
            assert_eq!(read(file.path()).unwrap(), expected.as_bytes());
        }
    }

    #[test]
    fn equal_bytes_split_otherwise_are_other_content() {
        let split = |one: &str, two: &str| digest(&[Ok(one.into()), Ok(two.into())]);
        assert_ne!(split("ab", "c"), split("a", "bc"));
        assert_eq!(split("ab", "c"), split("ab", "c"));
    }
}
