//! [`allocated_bytes`]: the size of an allocation in memory.

/// Returns the size of an allocation of `bytes` for the common allocator with
/// the largest overhead: 8 bytes more, in steps of 16, and at least 32.
pub(crate) fn allocated_bytes(bytes: usize) -> usize {
    (bytes + 8).next_multiple_of(16).max(32)
}

/// Returns the size of an allocation of `bytes` in an `Arc`, with its two
/// counters.
pub(crate) fn arc_bytes(bytes: usize) -> usize {
    allocated_bytes(2 * size_of::<usize>() + bytes)
}
