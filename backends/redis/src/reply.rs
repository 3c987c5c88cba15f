//! Commands whose replies are needed in several places, and what they mean.

use dcv_resolver_core::{StoreError, StoreErrorKind};
use redis::{Cmd, FromRedisValue, RedisError, Value, from_redis_value};

use crate::error::{connection_error, error};

/// Converts a reply to what the command is known to return.
pub(crate) fn parse<T: FromRedisValue>(reply: Value) -> Result<T, StoreError> {
    from_redis_value(reply).map_err(|error| connection_error(RedisError::from(error)))
}

/// Asks for what [`run_id`] reads.
pub(crate) fn info_server() -> Cmd {
    let mut command = redis::cmd("INFO");
    command.arg("server");
    command
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
    let mut command = redis::cmd("INFO");
    command.arg("commandstats");
    command
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
