//! Converts the driver's errors to those of the store.

use std::fmt;

use dcv_resolver_core::{StoreError, StoreErrorKind};
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// The name of this backend in errors and logs.
pub(crate) const BACKEND: &str = "redis";

pub(crate) const fn error(kind: StoreErrorKind) -> StoreError {
    StoreError::new(BACKEND, kind)
}

/// Converts an error that does not concern one key.
pub(crate) fn connection_error(source: RedisError) -> StoreError {
    error(kind_of(&source)).with_source(Driver(source))
}

/// The driver's error, whose text repeats that of its source: a chain would show
/// it twice.
#[derive(Debug)]
struct Driver(RedisError);

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for Driver {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = self.0.source()?;
        if source.to_string() == self.0.to_string() {
            source.source()
        } else {
            Some(source)
        }
    }
}

fn kind_of(error: &RedisError) -> StoreErrorKind {
    if error.is_timeout() {
        return StoreErrorKind::TimedOut;
    }
    match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => kind_of_reply(
            error.code().unwrap_or_default(),
            error.detail().unwrap_or_default(),
        ),
        ErrorKind::AuthenticationFailed => StoreErrorKind::AccessDenied,
        // Not the Redis protocol, so not a Redis server.
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType | ErrorKind::RESP3NotSupported => {
            StoreErrorKind::Incompatible
        }
        ErrorKind::Io
        | ErrorKind::ClusterConnectionNotFound
        | ErrorKind::MasterNameNotFoundBySentinel => StoreErrorKind::Unavailable,
        // The driver uses this kind for a host name without an address, too.
        ErrorKind::InvalidClientConfig => {
            if error.to_string().contains("No address found") {
                StoreErrorKind::Unavailable
            } else {
                StoreErrorKind::InvalidConfig
            }
        }
        _ => StoreErrorKind::Other,
    }
}

fn kind_of_reply(code: &str, detail: &str) -> StoreErrorKind {
    match code {
        "LOADING" | "BUSY" | "CLUSTERDOWN" | "MASTERDOWN" | "TRYAGAIN" => {
            StoreErrorKind::Unavailable
        }
        "ERR" if detail.contains("max number of clients") => StoreErrorKind::Unavailable,
        // The driver reports a denied SELECT without the server's code.
        "ERR" if detail.contains("has no permissions") => StoreErrorKind::AccessDenied,
        "NOAUTH" | "WRONGPASS" | "NOPERM" | "DENIED" => StoreErrorKind::AccessDenied,
        "OOM" | "READONLY" | "MISCONF" | "NOREPLICAS" => StoreErrorKind::NotWritable,
        // A node of a cluster, addressed as a single server.
        "MOVED" | "ASK" | "CROSSSLOT" => StoreErrorKind::InvalidConfig,
        _ => StoreErrorKind::Other,
    }
}

/// Whether the server refused the command because it is a replica now, so that
/// the command may be sent to the master.
pub(crate) fn is_replica(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
}

/// Whether the connection has ended, or no longer serves this client.
pub(crate) fn is_disconnected(error: &RedisError) -> bool {
    (error.is_io_error() && !error.is_timeout())
        || matches!(
            error.kind(),
            ErrorKind::Parse | ErrorKind::ClusterConnectionNotFound
        )
        || error.code() == Some("NOAUTH")
}

/// The error of a task that ended without a result.
pub(crate) fn aborted() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::ConnectionAborted).into()
}

/// The error of a call that reached its deadline.
pub(crate) fn timed_out() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(line: &str) -> RedisError {
        redis::parse_redis_value(format!("-{line}\r\n").as_bytes())
            .unwrap()
            .extract_error()
            .unwrap_err()
    }

    #[test]
    fn error_replies_have_the_kinds_that_operators_act_on() {
        for (line, kind) in [
            (
                "LOADING Redis is loading the dataset in memory",
                StoreErrorKind::Unavailable,
            ),
            (
                "BUSY Redis is busy running a script",
                StoreErrorKind::Unavailable,
            ),
            (
                "CLUSTERDOWN The cluster is down",
                StoreErrorKind::Unavailable,
            ),
            (
                "MASTERDOWN Link with MASTER is down",
                StoreErrorKind::Unavailable,
            ),
            (
                "TRYAGAIN Multiple keys request during rehashing",
                StoreErrorKind::Unavailable,
            ),
            (
                "ERR max number of clients reached",
                StoreErrorKind::Unavailable,
            ),
            (
                "NOAUTH Authentication required.",
                StoreErrorKind::AccessDenied,
            ),
            (
                "WRONGPASS invalid username-password pair",
                StoreErrorKind::AccessDenied,
            ),
            (
                "NOPERM User a has no permissions",
                StoreErrorKind::AccessDenied,
            ),
            (
                "DENIED Redis is running in protected mode",
                StoreErrorKind::AccessDenied,
            ),
            ("OOM command not allowed", StoreErrorKind::NotWritable),
            (
                "READONLY You can't write against a read only replica.",
                StoreErrorKind::NotWritable,
            ),
            (
                "MISCONF Errors writing to the AOF file",
                StoreErrorKind::NotWritable,
            ),
            (
                "NOREPLICAS Not enough good replicas to write.",
                StoreErrorKind::NotWritable,
            ),
            ("MOVED 3999 127.0.0.1:6381", StoreErrorKind::InvalidConfig),
            ("ERR unknown command", StoreErrorKind::Other),
        ] {
            assert_eq!(connection_error(reply(line)).kind(), kind, "{line}");
        }
    }

    #[test]
    fn timeout_is_not_a_lost_connection() {
        assert_eq!(
            connection_error(timed_out()).kind(),
            StoreErrorKind::TimedOut
        );
        assert!(!is_disconnected(&timed_out()));
        let reset = RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        assert!(is_disconnected(&reset));
        assert_eq!(connection_error(reset).kind(), StoreErrorKind::Unavailable);
    }

    #[test]
    fn invalid_configuration_is_distinguished_from_unknown_host() {
        for (description, kind) in [
            ("No address found for host", StoreErrorKind::Unavailable),
            (
                "Unable to build client with TLS parameters provided.",
                StoreErrorKind::InvalidConfig,
            ),
        ] {
            let error = RedisError::from((ErrorKind::InvalidClientConfig, description));
            assert_eq!(connection_error(error).kind(), kind, "{description}");
        }
    }

    #[test]
    fn chain_repeats_no_text() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        for (error, chain) in [
            (
                connection_error(reply("OOM no room")),
                "redis: the store cannot be written: \"OOM\": no room",
            ),
            (
                connection_error(refused.into()),
                "redis: the store cannot be reached: connection refused",
            ),
        ] {
            assert_eq!(error.chain().to_string(), chain);
        }
    }
}
