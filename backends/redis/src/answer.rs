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

/// Whether this answer to `ROLE` is that of a master.
pub(crate) fn is_master(role: &[Value]) -> bool {
    matches!(role.first(), Some(Value::BulkString(role)) if role == b"master")
}
