//! Reading what a server answers.

use dcv_resolver_core::{StoreError, StoreErrorKind};
use redis::{Cmd, FromRedisValue, RedisError, Value, from_redis_value};

use crate::error::{connection_error, error};

pub(crate) fn parse<T: FromRedisValue>(value: Value) -> Result<T, StoreError> {
    from_redis_value(value).map_err(|error| connection_error(RedisError::from(error)))
}

/// Asks what [`run_id`] reads from the answer.
pub(crate) fn ask_run_id() -> Cmd {
    let mut command = redis::cmd("INFO");
    command.arg("server");
    command
}

/// What the run of the server's process is called.
pub(crate) fn run_id(answer: Value) -> Result<String, StoreError> {
    let info: String = parse(answer)?;
    info.lines()
        .find_map(|line| line.strip_prefix("run_id:"))
        .map(str::to_owned)
        .ok_or_else(|| error(StoreErrorKind::Other).with_source("INFO did not tell the run id"))
}

/// Asks what [`swaps`] reads from the answer.
pub(crate) fn ask_swaps() -> Cmd {
    let mut command = redis::cmd("INFO");
    command.arg("commandstats");
    command
}

/// How often `SWAPDB` was called, from a script or a transaction as well.
pub(crate) fn swaps(info: &str) -> u64 {
    let calls = info.lines().find_map(|line| {
        let statistics = line.strip_prefix("cmdstat_swapdb:calls=")?;
        statistics.split(',').next()?.parse().ok()
    });
    calls.unwrap_or_default()
}

/// Whether this answer to `ROLE` is that of a master.
pub(crate) fn is_master(role: &[Value]) -> bool {
    matches!(role.first(), Some(Value::BulkString(role)) if role == b"master")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swaps_are_counted_among_the_other_commands() {
        let info = "# Commandstats\r\n\
            cmdstat_get:calls=7,usec=20,usec_per_call=2.86,rejected_calls=0,failed_calls=0\r\n\
            cmdstat_swapdb:calls=12,usec=2,usec_per_call=1.00,rejected_calls=0,failed_calls=0\r\n";
        assert_eq!(swaps(info), 12);
        assert_eq!(swaps("# Commandstats\r\n"), 0);
    }
}
