//! [`allocated_bytes`]: what an allocation takes in memory.

/// Returns what an allocation of `bytes` takes, for the common allocator that
/// takes most: 8 bytes more, in steps of 16, and at least 32.
pub(crate) fn allocated_bytes(bytes: usize) -> usize {
    (bytes + 8).next_multiple_of(16).max(32)
}

/// Returns what an allocation of `bytes` in an `Arc` takes, with its two
/// counts.
pub(crate) fn arc_bytes(bytes: usize) -> usize {
    allocated_bytes(2 * size_of::<usize>() + bytes)
}
