//! Commands whose replies are needed in several places, and what they mean.

use dcv_resolver_core::{StoreError, StoreErrorKind};
use redis::{Cmd, FromRedisValue, Value, from_redis_value};

use crate::error::error;

/// Converts a reply to what the command is known to return.
pub(crate) fn parse<T: FromRedisValue>(reply: Value) -> Result<T, StoreError> {
    // The driver's error quotes the reply.
    from_redis_value(reply)
        .map_err(|_| error(StoreErrorKind::Incompatible).with_source("unexpected reply"))
}

/// Asks for one section of what a server reports about itself.
pub(crate) fn info(section: &str) -> Cmd {
    let mut command = redis::cmd("INFO");
    command.arg(section);
    command
}

/// Asks for what [`run_id`] reads.
pub(crate) fn info_server() -> Cmd {
    info("server")
}

/// Returns the run id of the server's process.
pub(crate) fn run_id(reply: Value) -> Result<String, StoreError> {
    let info: String = parse(reply)?;
    info.lines()
        .find_map(|line| line.strip_prefix("run_id:"))
        .map(str::to_owned)
        .ok_or_else(|| error(StoreErrorKind::Other).with_source("the reply to INFO has no run_id"))
}

/// Asks for what [`swaps`] reads.
pub(crate) fn info_command_stats() -> Cmd {
    info("commandstats")
}

/// Returns how often `SWAPDB` was called, also from a script or a transaction.
pub(crate) fn swaps(info: &str) -> u64 {
    let calls = info.lines().find_map(|line| {
        let statistics = line.strip_prefix("cmdstat_swapdb:calls=")?;
        statistics.split(',').next()?.parse().ok()
    });
    // Without a line it has never been called.
    calls.unwrap_or(0)
}

/// Whether this reply to `ROLE` is that of a master.
pub(crate) fn is_master(role: &[Value]) -> bool {
    matches!(role.first(), Some(Value::BulkString(role)) if role == b"master")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swaps_are_counted_among_other_commands() {
        let info = "# Commandstats\r\n\
            cmdstat_get:calls=7,usec=20,usec_per_call=2.86,rejected_calls=0,failed_calls=0\r\n\
            cmdstat_swapdb:calls=12,usec=2,usec_per_call=1.00,rejected_calls=0,failed_calls=0\r\n";
        assert_eq!(swaps(info), 12);
        assert_eq!(swaps("# Commandstats\r\n"), 0);
    }
}
