//! [`Failure`]: why a command has no reply, or a connection was not made.
//!
//! The driver's errors become this where they arise, and are not kept: their
//! text may repeat what was sent.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use dcv_resolver_core::{StoreError, StoreErrorKind};
use redis::{ErrorKind, RedisError};

use crate::error::error;
use crate::server_text::without_arguments;

/// Why a command has no reply, or a connection was not made. It holds nothing
/// that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    class: Class,
    kind: StoreErrorKind,
    text: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What a failure means for the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Class {
    /// There was no reply in time.
    TimedOut,
    /// The connection has ended, or what it leads to is not a Redis server.
    Disconnected,
    /// The server replied with this error code.
    Reply(String),
    Other,
}

impl Failure {
    /// Returns a failure without an error of the driver.
    pub(crate) fn new(kind: StoreErrorKind, text: impl Into<String>) -> Self {
        Self {
            class: Class::Other,
            kind,
            text: text.into(),
            source: None,
        }
    }

    pub(crate) fn timed_out(text: impl Into<String>) -> Self {
        Self {
            class: Class::TimedOut,
            ..Self::new(StoreErrorKind::TimedOut, text)
        }
    }

    /// Returns a failure of the connection.
    pub(crate) fn closed(kind: StoreErrorKind, text: impl Into<String>) -> Self {
        Self {
            class: Class::Disconnected,
            ..Self::new(kind, text)
        }
    }

    /// Returns the failure of a task that ended without a result.
    pub(crate) fn aborted() -> Self {
        io::Error::from(io::ErrorKind::ConnectionAborted).into()
    }

    /// Returns the failure of a connection that leads to a replica instead of the
    /// master.
    pub(crate) fn wrong_server() -> Self {
        Self {
            class: Class::Reply("READONLY".to_owned()),
            ..Self::new(
                StoreErrorKind::NotWritable,
                "the connection leads to the wrong server",
            )
        }
    }

    /// Converts an error of the driver, after `arguments` were sent.
    pub(crate) fn of<'a>(
        error: &RedisError,
        arguments: impl IntoIterator<Item = &'a [u8]>,
    ) -> Self {
        let class = if error.is_timeout() {
            Class::TimedOut
        } else if let Some((code, _)) = reply_of(error) {
            Class::Reply(code.to_owned())
        } else if error.is_io_error()
            || matches!(
                error.kind(),
                ErrorKind::Parse | ErrorKind::ClusterConnectionNotFound
            )
        {
            Class::Disconnected
        } else {
            Class::Other
        };
        let source = error
            .source()
            .and_then(|source| source.downcast_ref::<Arc<dyn Error + Send + Sync>>())
            .cloned();
        Self {
            kind: kind_of(error),
            text: match &source {
                Some(source) => source.to_string(),
                None => without_arguments(&text_of(error), arguments),
            },
            class,
            source,
        }
    }

    pub(crate) fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Returns the same failure with another message.
    pub(crate) fn with_text(self, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..self
        }
    }

    pub(crate) fn with_kind(self, kind: StoreErrorKind) -> Self {
        Self { kind, ..self }
    }

    pub(crate) fn is_timeout(&self) -> bool {
        self.class == Class::TimedOut
    }

    /// Returns the code of the server's error reply.
    pub(crate) fn code(&self) -> Option<&str> {
        match &self.class {
            Class::Reply(code) => Some(code),
            _ => None,
        }
    }

    /// Returns the kind of an error of the operating system.
    pub(crate) fn io_kind(&self) -> Option<io::ErrorKind> {
        let error: &(dyn Error + 'static) = self.source.as_deref()?;
        Some(error.downcast_ref::<io::Error>()?.kind())
    }

    /// Whether the server refused the command because it is a replica now, so
    /// that the command may be sent to the master.
    pub(crate) fn is_replica(&self) -> bool {
        self.code() == Some("READONLY")
    }

    /// Whether the connection has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.class == Class::Disconnected
    }

    /// Whether the connection has ended, or no longer serves this client.
    pub(crate) fn is_disconnected(&self) -> bool {
        self.is_closed() || self.code() == Some("NOAUTH")
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::of(&error.into(), [])
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        error(failure.kind).with_source(failure)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.source.as_deref()?;
        // The text above repeats the first.
        source.source()
    }
}

fn text_of(error: &RedisError) -> String {
    match error.kind() {
        // The driver quotes what it could not read.
        ErrorKind::Parse => "what it sends is not the Redis protocol".to_owned(),
        ErrorKind::UnexpectedReturnType => "unexpected reply".to_owned(),
        kind => match (reply_of(error), error.source()) {
            // An error reply. Without a source the driver has made the error.
            (Some((code, "")), Some(_)) => code.to_owned(),
            (Some((code, detail)), Some(_)) => format!("{code} {detail}"),
            _ => error.to_string().replacen(&format!(" - {kind:?}"), "", 1),
        },
    }
}

/// Returns the code of an error reply, and the rest of it. Redis before 7 begins
/// with the line of the script where the command failed: `@user_script: 66:
/// -READONLY You can't write …`.
fn reply_of(error: &RedisError) -> Option<(&str, &str)> {
    let (code, detail) = (error.code()?, error.detail().unwrap_or_default());
    if code.starts_with("@user_script")
        && let Some((_, reply)) = detail.split_once(": -")
    {
        return Some(reply.split_once(' ').unwrap_or((reply, "")));
    }
    Some((code, detail))
}

fn kind_of(error: &RedisError) -> StoreErrorKind {
    if error.is_timeout() {
        return StoreErrorKind::TimedOut;
    }
    if let Some((code, detail)) = reply_of(error) {
        return kind_of_reply(code, detail);
    }
    match error.kind() {
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
        // A script that may not run a command: up to Redis 7.0, and later.
        _ if detail.contains("user executing the script can't")
            || detail.contains("ACL failure in script") =>
        {
            StoreErrorKind::AccessDenied
        }
        "NOAUTH" | "WRONGPASS" | "NOPERM" | "DENIED" => StoreErrorKind::AccessDenied,
        "OOM" | "READONLY" | "MISCONF" | "NOREPLICAS" => StoreErrorKind::NotWritable,
        // A node of a cluster, addressed as a single server.
        "MOVED" | "ASK" | "CROSSSLOT" => StoreErrorKind::InvalidConfig,
        _ => StoreErrorKind::Other,
    }
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

    fn failure(error: impl Into<RedisError>) -> Failure {
        Failure::of(&error.into(), [])
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
            (
                "@user_script: 66: -READONLY You can't write against a read only replica.",
                StoreErrorKind::NotWritable,
            ),
            ("MOVED 3999 127.0.0.1:6381", StoreErrorKind::InvalidConfig),
            (
                "ERR The user executing the script can't run this command or subcommand",
                StoreErrorKind::AccessDenied,
            ),
            (
                "@user_script: 66: The user executing the script can't run this command",
                StoreErrorKind::AccessDenied,
            ),
            ("ERR unknown command", StoreErrorKind::Other),
        ] {
            assert_eq!(failure(reply(line)).kind(), kind, "{line}");
        }
    }

    #[test]
    fn replica_is_recognized_in_a_script_too() {
        for line in [
            "READONLY You can't write",
            "@user_script: 66: -READONLY You can't write",
        ] {
            let failure = failure(reply(line));
            assert!(failure.is_replica());
            assert_eq!(failure.to_string(), "READONLY You can't write");
        }
    }

    #[test]
    fn timeout_is_not_a_lost_connection() {
        let timed_out = failure(io::Error::from(io::ErrorKind::TimedOut));
        assert_eq!(timed_out.kind(), StoreErrorKind::TimedOut);
        assert!(timed_out.is_timeout() && !timed_out.is_disconnected());
        let reset = failure(io::Error::from(io::ErrorKind::ConnectionReset));
        assert!(reset.is_disconnected());
        assert_eq!(reset.kind(), StoreErrorKind::Unavailable);
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
            let error = (ErrorKind::InvalidClientConfig, description);
            assert_eq!(failure(error).kind(), kind, "{description}");
        }
    }

    #[test]
    fn chain_is_one_sentence_without_repetition() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let denied = (
            ErrorKind::AuthenticationFailed,
            "Password authentication failed",
        );
        for (failure, chain) in [
            (
                failure(reply("OOM no room")),
                "redis: the store is not writable: OOM no room",
            ),
            (
                failure(refused),
                "redis: the store cannot be reached: connection refused",
            ),
            (
                failure(denied),
                "redis: the store denies access: Password authentication failed",
            ),
        ] {
            assert_eq!(StoreError::from(failure).chain().to_string(), chain);
        }
    }

    #[test]
    fn nothing_that_was_sent_is_shown() {
        let quoted = "ERR unknown command 'EVALSHA', with args beginning with: 'a' 'tr0ub4dor' ";
        let other = "ERR bad argument tr0ub4dor";
        let extension = "PROXYERR cannot forward tr0ub4dor";
        let switched = RedisError::from((
            ErrorKind::Server(redis::ServerErrorKind::ResponseError),
            "Redis server refused to switch database",
            "unknown command 'SELECT', with args beginning with: 'tr0ub4dor'".to_owned(),
        ));
        for error in [reply(quoted), reply(other), reply(extension), switched] {
            let error = StoreError::from(Failure::of(&error, ["tr0ub4dor".as_bytes()]));
            let shown = format!("{} {error:?} {error:#?}", error.chain());
            assert!(!shown.contains("tr0ub4dor"), "{shown}");
        }
    }
}
