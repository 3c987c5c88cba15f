//! [`content_hash`]: a hash that detects changes to the content of a file.

use std::hash::{DefaultHasher, Hasher};
use std::thread;

/// Returns a hash of all of `bytes`.
pub(crate) fn content_hash(bytes: &[u8]) -> u64 {
    const PIECE: usize = 64 << 10;

    let mut hasher = DefaultHasher::new();
    for piece in bytes.chunks(PIECE) {
        hasher.write(piece);
        thread::yield_now();
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_byte_counts() {
        let bytes = vec![b'a'; 3 << 20];
        let mut other = bytes.clone();
        assert_eq!(content_hash(&bytes), content_hash(&other));
        other[(3 << 20) - 1] = b'b';
        assert_ne!(content_hash(&bytes), content_hash(&other));
    }
}
