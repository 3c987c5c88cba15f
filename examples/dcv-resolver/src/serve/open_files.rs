//! Warns if fewer files can be open than there can be connections.

use std::fs;

/// The number of files for stores, listeners, watched files and the runtime.
const OTHER_FILES: u64 = 256;

/// Warns if the limit of the process on open files is too low for so many
/// connections: at the limit, none is accepted, and no file is read again.
pub(super) fn warn_if_too_few(gateways: u64, operators: u64) {
    // Only Linux has this file.
    let limit = fs::read_to_string("/proc/self/limits").ok();
    let Some(limit) = limit.as_deref().and_then(soft_limit) else {
        return;
    };
    let required = gateways + operators + OTHER_FILES;
    if limit < required {
        tracing::warn!(
            limit,
            required,
            "the limit on open files is below what `limits.max_connections` = {gateways} and {operators} connections of operators need: raise it (LimitNOFILE= of the unit, `ulimit -n`), or lower `limits.max_connections`",
        );
    }
}

/// Returns the soft limit, unless it is unlimited.
fn soft_limit(limits: &str) -> Option<u64> {
    let mut lines = limits.lines();
    let values = lines.find_map(|line| line.strip_prefix("Max open files"))?;
    values.split_whitespace().next()?.parse().ok()
}
